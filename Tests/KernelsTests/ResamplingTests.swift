import Testing

@testable import Kernels

/// The resize against its definition: for each output pixel, a triangle filter over the input.
@Suite struct ResamplingTests {
    @Test(arguments: [(256, 256), (224, 224), (300, 150), (100, 90), (33, 512), (1, 1)])
    func equalsTheTriangleFilter(_ width: Int, _ height: Int) throws {
        let side = 64
        let pixels = noise(width * height * 3, seed: 5).map { UInt8(($0 + 1) * 127.4) }
        let mean: [Float] = [127, 120, 110], std: [Float] = [128, 60, 50]
        let engine = try Engine(threads: 1)
        let tensor = try Tensor(.images(batch: 2, channels: 3, height: side, width: side), on: engine)
        let resampler = ImageResampler(side: side, mean: mean, std: std)
        resampler.write(pixels, width: width, height: height, into: tensor, at: 1)

        let rows = triangle(from: height, to: side), columns = triangle(from: width, to: side)
        let values = tensor.values
        var worst = 0.0
        for y in 0..<side {
            for x in 0..<side {
                for c in 0..<3 {
                    var sum = 0.0
                    for (iy, wy) in rows[y] {
                        for (ix, wx) in columns[x] { sum += wy * wx * Double(pixels[(iy * width + ix) * 3 + c]) }
                    }
                    let expected = (sum - Double(mean[c])) / Double(std[c])
                    worst = max(worst, abs(expected - Double(values[((side + y) * side + x) * 3 + c])))
                }
            }
        }
        #expect(worst < 1e-5)
        #expect(values[..<(side * side * 3)].allSatisfy { $0 == 0 }, "the batch's other image is untouched")
    }

    @Test func bfloat16IsTheRoundedFloat32() throws {
        let pixels = noise(80 * 80 * 3, seed: 6).map { UInt8(($0 + 1) * 127.4) }
        let engine = try Engine(threads: 1)
        let resampler = ImageResampler(side: 32, mean: [127, 127, 127], std: [128, 128, 128])
        let exact = try Tensor(.images(batch: 1, channels: 3, height: 32, width: 32), on: engine)
        let rounded = try Tensor(.images(batch: 1, channels: 3, height: 32, width: 32, .bfloat16), on: engine)
        resampler.write(pixels, width: 80, height: 80, into: exact, at: 0)
        resampler.write(pixels, width: 80, height: 80, into: rounded, at: 0)
        let widened = try Tensor(exact.descriptor, on: engine)
        try reorder(rounded, into: widened, on: engine)
        #expect(widened.values == exact.values.map { BFloat16.float(BFloat16.bits($0)) })
    }

    private func triangle(from input: Int, to output: Int) -> [[(Int, Double)]] {
        let ratio = Double(input) / Double(output), support = max(1, ratio)
        return (0..<output).map { i in
            let centre = ratio * (Double(i) + 0.5)
            let weights = (0..<input).compactMap { row -> (Int, Double)? in
                let distance = abs(Double(row) + 0.5 - centre) / support
                return distance < 1 ? (row, 1 - distance) : nil
            }
            let sum = weights.map(\.1).reduce(0, +)
            return weights.map { ($0.0, $0.1 / sum) }
        }
    }
}
