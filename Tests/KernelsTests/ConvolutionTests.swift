import Testing

@testable import Kernels

/// Convolutions against a naive twin: seven loops, in double precision.
@Suite struct ConvolutionTests {
    static let shapes = [
        // A pointwise convolution, a channel count that fills no register.
        ConvolutionShape(
            batch: 2, inputChannels: 24, outputChannels: 40, height: 9, width: 7, kernel: 1,
            vertical: .symmetric(0), horizontal: .symmetric(0)),
        // TensorFlow's SAME with stride 2: one row of padding, after.
        ConvolutionShape(
            batch: 1, inputChannels: 3, outputChannels: 32, height: 16, width: 16, kernel: 3, stride: 2,
            vertical: .same(extent: 16, kernel: 3, stride: 2), horizontal: .same(extent: 16, kernel: 3, stride: 2)),
        // Depthwise, 5×5, stride 2 on even and odd extents.
        ConvolutionShape(
            batch: 1, inputChannels: 144, outputChannels: 144, height: 14, width: 13, kernel: 5, stride: 2,
            vertical: .same(extent: 14, kernel: 5, stride: 2), horizontal: .same(extent: 13, kernel: 5, stride: 2),
            groups: 144),
        // Depthwise, 3×3.
        ConvolutionShape(
            batch: 2, inputChannels: 32, outputChannels: 32, height: 8, width: 8, kernel: 3,
            vertical: .symmetric(1), horizontal: .symmetric(1), groups: 32),
        // ResNet's first layer.
        ConvolutionShape(
            batch: 1, inputChannels: 3, outputChannels: 64, height: 20, width: 20, kernel: 7, stride: 2,
            vertical: .symmetric(3), horizontal: .symmetric(3)),
    ]

    @Test(arguments: shapes, [Activation.none, .relu, .relu6])
    func equalsTheNaiveTwin(_ shape: ConvolutionShape, _ activation: Activation) throws {
        try expectAgreement(shape, activation, accumulating: false)
    }

    @Test(arguments: shapes)
    func addsToItsOutputBeforeTheActivation(_ shape: ConvolutionShape) throws {
        try expectAgreement(shape, .relu6, accumulating: true)
    }

    @Test func samePaddingPutsTheOddRowAfter() {
        #expect(Padding.same(extent: 224, kernel: 3, stride: 2) == Padding(before: 0, after: 1))
        #expect(Padding.same(extent: 56, kernel: 5, stride: 2) == Padding(before: 1, after: 2))
        #expect(Padding.same(extent: 7, kernel: 3, stride: 1) == Padding(before: 1, after: 1))
        #expect(Padding.same(extent: 8, kernel: 1, stride: 2) == Padding(before: 0, after: 0))
    }

    private func expectAgreement(_ shape: ConvolutionShape, _ activation: Activation, accumulating: Bool) throws {
        let engine = try Engine(threads: 1)
        let kernel = try Convolution(
            shape, type: .float32, outputType: .float32, accumulating: accumulating, activation: activation,
            on: engine)
        let input = try Tensor(kernel.inputDescriptor, on: engine)
        let plain = try Tensor(.filters(shape), on: engine)
        let weights = try Tensor(kernel.weightsDescriptor, on: engine)
        let bias = try Tensor(.vector(shape.outputChannels), on: engine)
        let output = try Tensor(kernel.outputDescriptor, on: engine)
        input.assign(noise(input.values.count, seed: 1))
        plain.assign(noise(plain.values.count, seed: 2))
        bias.assign(noise(shape.outputChannels, seed: 3))
        let before = noise(output.values.count, seed: 4)
        output.assign(before)
        try reorder(plain, into: weights, on: engine)
        try kernel.bound(
            input: input, weights: weights, bias: bias, output: output,
            scratchpad: Storage(byteCount: kernel.scratchpadBytes)
        ).execute()

        let expected = naiveConvolution(
            shape, input.values, plain.values, bias.values, accumulating ? before : nil, activation)
        let worst = zip(output.values, expected).map { abs($0 - $1) }.max()!
        #expect(worst < 1e-4)
    }
}

/// Channels-last input and output, OIHW weights.
func naiveConvolution(
    _ s: ConvolutionShape, _ x: [Float], _ w: [Float], _ b: [Float], _ residual: [Float]?, _ activation: Activation
) -> [Float] {
    let perGroup = s.inputChannels / s.groups, outputsPerGroup = s.outputChannels / s.groups
    var y: [Float] = []
    for n in 0..<s.batch {
        for oy in 0..<s.outputHeight {
            for ox in 0..<s.outputWidth {
                for o in 0..<s.outputChannels {
                    var sum = Double(b[o])
                    for ky in 0..<s.kernel {
                        for kx in 0..<s.kernel {
                            let iy = oy * s.stride + ky - s.vertical.before
                            let ix = ox * s.stride + kx - s.horizontal.before
                            guard iy >= 0, iy < s.height, ix >= 0, ix < s.width else { continue }
                            for i in 0..<perGroup {
                                let channel = o / outputsPerGroup * perGroup + i
                                let pixel = x[((n * s.height + iy) * s.width + ix) * s.inputChannels + channel]
                                sum += Double(pixel) * Double(w[((o * perGroup + i) * s.kernel + ky) * s.kernel + kx])
                            }
                        }
                    }
                    if let residual { sum += Double(residual[y.count]) }
                    y.append(activation(Float(sum)))
                }
            }
        }
    }
    return y
}

/// Reproducible values in −1…1.
func noise(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(Int64(bitPattern: state) >> 40) / Float(1 << 23)
    }
}
