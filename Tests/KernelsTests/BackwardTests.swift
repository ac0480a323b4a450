import Foundation
import Testing

@testable import Kernels

/// Each backward kernel against loops that follow the definition.
@Suite struct BackwardTests {
    private static let general: [ConvolutionShape] = [
        (8, 16, 1, 1, 1), (16, 24, 3, 1, 1), (3, 32, 3, 2, 1), (24, 24, 5, 2, 24), (16, 16, 3, 1, 16),
    ].map { inputs, outputs, kernel, stride, groups in
        ConvolutionShape(
            batch: 2, inputChannels: inputs, outputChannels: outputs, height: 9, width: 8, kernel: kernel, stride: stride,
            vertical: .same(extent: 9, kernel: kernel, stride: stride),
            horizontal: .same(extent: 8, kernel: kernel, stride: stride), groups: groups)
    }

    @Test(arguments: general)
    func convolutionsGradientsEqualTheNaiveTwins(_ shape: ConvolutionShape) throws {
        let engine = try Engine(threads: 1)
        let run = try Run(shape, engine)
        let scratchpad = Storage(byteCount: 1 << 24)

        let ofInput = try ConvolutionBackward(shape, of: .input, on: engine)
        let weights = try Tensor(ofInput.weightsDescriptor, on: engine)
        try reorder(run.weights, into: weights, on: engine)
        try ofInput.bound(input: run.dInput, weights: weights, dOutput: run.dOutput, scratchpad: scratchpad).execute()

        let ofWeights = try ConvolutionBackward(shape, of: .weights, on: engine)
        let dPacked = try Tensor(ofWeights.weightsDescriptor, on: engine)
        try ofWeights.bound(input: run.input, weights: dPacked, dOutput: run.dOutput, scratchpad: scratchpad).execute()
        let dWeights = try Tensor(.filters(shape), on: engine)
        try reorder(dPacked, into: dWeights, on: engine)

        let expected = run.naiveGradients()
        #expect(worst(run.dInput.values, expected.input) < 1e-4)
        #expect(worst(dWeights.values, expected.weights) < 1e-4)
    }

    @Test(
        .enabled(if: CPUFeatures.hasOwnKernels, "this CPU lacks AVX-512 or bfloat16: the kernels are not used here"),
        arguments: OwnKernelTests.depthwise)
    func depthwiseGradientsEqualTheNaiveTwins(_ shape: ConvolutionShape) throws {
        let engine = try Engine(threads: 1)
        let run = try Run(shape, engine)
        let plain = try Tensor(DepthwiseConvolution.plainDescriptor(shape), on: engine)
        plain.assign(DepthwiseBackward.turned(run.weights.values, shape))
        let weights = try Tensor(DepthwiseConvolution.weightsDescriptor(shape), on: engine)
        try reorder(plain, into: weights, on: engine)
        try DepthwiseBackward.input(
            shape, weights: weights, noBias: Tensor(.vector(shape.inputChannels), on: engine), dOutput: run.dOutput,
            dInput: run.dInput
        ).execute()
        let dPacked = try Tensor(DepthwiseConvolution.weightsDescriptor(shape), on: engine)
        try DepthwiseBackward.weights(shape, input: run.input, dOutput: run.dOutput, dWeights: dPacked).execute()
        try reorder(dPacked, into: plain, on: engine)
        let expected = run.naiveGradients()
        #expect(worst(run.dInput.values, expected.input) < 1e-4)
        #expect(worst(plain.values, expected.weights) < 1e-4)
    }

    @Test(arguments: [Activation.none, .relu, .relu6])
    func activationsPassWhatTheyDidNotClip(_ activation: Activation) throws {
        let engine = try Engine(threads: 1)
        let shape = TensorDescriptor.images(batch: 2, channels: 24, height: 3, width: 5)
        let gradient = try Tensor(shape, on: engine), value = try Tensor(shape, on: engine)
        let sums = try Tensor(.vector(24), on: engine)
        let d = noise(shape.elementCount, seed: 1), x = noise(shape.elementCount, seed: 2).map { 10 * $0 }
        gradient.assign(d)
        value.assign(x.map { activation($0) })
        MaskGradient(gradient, where: value, was: activation, addingTo: sums).execute()
        let range = activation.range
        let expected = zip(d, x).map { $1 > range.lower && $1 < range.upper ? $0 : 0 }
        #expect(gradient.values == expected)
        for channel in 0..<24 {
            let sum = stride(from: channel, to: expected.count, by: 24).reduce(Float(0)) { $0 + expected[$1] }
            #expect(abs(sums.values[channel] - sum) < 1e-5)
        }
    }

    /// Against the definition in double precision; ∂/∂x by central differences of Σ noise · y.
    @Test(arguments: [(Activation.none, false), (.relu, true), (.relu6, false)])
    func aNormByTheBatchEqualsItsDefinition(_ activation: Activation, _ adds: Bool) throws {
        let engine = try Engine(threads: 1)
        let channels = 70, rows = 2 * 3 * 4, epsilon = 1e-3
        let shape = TensorDescriptor.images(batch: 2, channels: channels, height: 3, width: 4)
        func tensor(_ shape: TensorDescriptor, _ values: [Float]) throws -> Tensor {
            let tensor = try Tensor(shape, on: engine)
            tensor.assign(values)
            return tensor
        }
        let x = noise(rows * channels, seed: 1).map { 3 * $0 + 2 }, residual = noise(rows * channels, seed: 2)
        let gamma = noise(channels, seed: 3).map { $0 + 2 }, beta = noise(channels, seed: 4), d = noise(rows * channels, seed: 5)
        func expected(_ x: [Double]) -> [Double] {
            var y = x
            for channel in 0..<channels {
                let places = stride(from: channel, to: x.count, by: channels)
                let mean = places.reduce(0) { $0 + x[$1] } / Double(rows)
                let variance = places.reduce(0) { $0 + (x[$1] - mean) * (x[$1] - mean) } / Double(rows)
                for place in places {
                    let value = Double(gamma[channel]) * (x[place] - mean) / (variance + epsilon).squareRoot()
                        + Double(beta[channel]) + (adds ? Double(residual[place]) : 0)
                    y[place] = min(max(value, Double(activation.range.lower)), Double(activation.range.upper))
                }
            }
            return y
        }
        let input = try tensor(shape, x), output = try Tensor(shape, on: engine), gradient = try tensor(shape, d)
        let dGamma = try Tensor(.vector(channels), on: engine), dBeta = try Tensor(.vector(channels), on: engine)
        let norm = BatchNormalization(
            gamma: try tensor(.vector(channels), gamma), beta: try tensor(.vector(channels), beta), dGamma: dGamma,
            epsilon: Float(epsilon))
        try norm.forward(
            input, residual: adds ? tensor(shape, residual) : nil, activation: activation, output: output
        ).execute()
        let exact = x.map { Double($0) }, y = expected(exact)
        #expect(zip(output.values, y).allSatisfy { abs(Double($0) - $1) < 1e-5 })
        MaskGradient(gradient, where: output, was: activation, addingTo: dBeta).execute()
        let masked = gradient.values
        try norm.backward(gradient, input: input).execute()
        for place in stride(from: 3, to: x.count, by: 37) {
            var moved = exact
            let step = 1e-4
            moved[place] += step
            let up = expected(moved)
            moved[place] -= 2 * step
            let down = expected(moved)
            let slope = zip(d, zip(up, down)).reduce(0) { $0 + Double($1.0) * ($1.1.0 - $1.1.1) } / (2 * step)
            #expect(abs(Double(gradient.values[place]) - slope) < 2e-3)
        }
        for channel in 0..<channels {
            let sum = stride(from: channel, to: x.count, by: channels).reduce(0.0) { sum, place in
                let normalised = (Double(x[place]) - Double(norm.mean[channel]))
                    / (Double(norm.variance[channel]) + epsilon).squareRoot()
                return sum + Double(masked[place]) * normalised
            }
            #expect(abs(Double(dGamma.values[channel]) - sum) < 1e-4)
        }
    }

    /// ∂/∂x Σ noise · pool(x) by central differences.
    @Test(arguments: [GlobalPooling.spoc, .gem(p: 3), .gem(p: 2.5), .max])
    func pooledGradientsEqualFiniteDifferences(_ pooling: GlobalPooling) throws {
        let engine = try Engine(threads: 1)
        let shape = TensorDescriptor.images(batch: 2, channels: 5, height: 3, width: 2)
        let input = try Tensor(shape, on: engine), dInput = try Tensor(shape, on: engine)
        let pooled = try Tensor(.matrix(rows: 2, columns: 5), on: engine)
        let dPooled = try Tensor(.matrix(rows: 2, columns: 5), on: engine)
        let x = noise(shape.elementCount, seed: 3).map { abs($0) + 0.1 }, d = noise(10, seed: 4)
        func loss(_ x: [Float]) -> Double {
            input.assign(x)
            pool(input, by: pooling, into: pooled)
            return zip(pooled.values, d).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        _ = loss(x)
        dPooled.assign(d)
        poolBackward(dInput, dPooled, input: input, pooled: pooled, by: pooling)
        let gradient = dInput.values
        for place in x.indices {
            var (up, down) = (x, x)
            up[place] += 1e-3
            down[place] -= 1e-3
            #expect(abs((loss(up) - loss(down)) / 2e-3 - Double(gradient[place])) < 2e-3, "at \(place)")
        }
    }

    /// ∂y/∂x = (x / y)ᵖ⁻¹ / positions in double precision, over features so small that their powers leave Float's range.
    @Test(arguments: [2.5, 3, 8, 16, 40] as [Float], [1, 1e-2, 1e-4] as [Float])
    func generalisedMeansGradientsEqualTheNaiveTwin(_ p: Float, _ scale: Float) throws {
        let engine = try Engine(threads: 1)
        let positions = 6, channels = 5
        let shape = TensorDescriptor.images(batch: 1, channels: channels, height: 3, width: 2)
        let input = try Tensor(shape, on: engine), dInput = try Tensor(shape, on: engine)
        let pooled = try Tensor(.matrix(rows: 1, columns: channels), on: engine)
        let dPooled = try Tensor(.matrix(rows: 1, columns: channels), on: engine)
        let x = noise(shape.elementCount, seed: 5).map { abs($0) * scale }, d = noise(channels, seed: 6)
        let means = (0..<channels).map { c in
            let powers = (0..<positions).map { pow(max(Double(x[$0 * channels + c]), 1e-6), Double(p)) }
            return pow(powers.reduce(0, +) / Double(positions), 1 / Double(p))
        }
        input.assign(x)
        pooled.assign(means.map { Float($0) })
        dPooled.assign(d)
        poolBackward(dInput, dPooled, input: input, pooled: pooled, by: .gem(p: p))
        for (place, gradient) in dInput.values.enumerated() {
            let c = place % channels, ratio = Double(x[place]) / means[c]
            let expected = x[place] > 1e-6 ? Double(d[c]) * pow(ratio, Double(p) - 1) / Double(positions) : 0
            #expect(abs(Double(gradient) - expected) < 1e-4 * max(1e-2, abs(expected)), "\(gradient), not \(expected), at \(place)")
        }
        // Where the mean itself went to zero the gradient keeps within its bounds: a share of the pooled one.
        pool(input, by: .gem(p: p), into: pooled)
        poolBackward(dInput, dPooled, input: input, pooled: pooled, by: .gem(p: p))
        for (place, gradient) in dInput.values.enumerated() { #expect(abs(gradient) <= abs(d[place % channels]) * 1.001) }
    }

    private func worst(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).map { abs($0 - $1) }.max()! }

    /// A convolution's tensors with noise in them.
    private struct Run {
        let shape: ConvolutionShape
        let input, weights, dInput, dOutput: Tensor

        init(_ shape: ConvolutionShape, _ engine: Engine) throws {
            self.shape = shape
            let images = TensorDescriptor.images(
                batch: shape.batch, channels: shape.inputChannels, height: shape.height, width: shape.width)
            input = try Tensor(images, on: engine)
            dInput = try Tensor(images, on: engine)
            weights = try Tensor(.filters(shape), on: engine)
            dOutput = try Tensor(
                .images(
                    batch: shape.batch, channels: shape.outputChannels, height: shape.outputHeight, width: shape.outputWidth),
                on: engine)
            input.assign(noise(input.values.count, seed: 1))
            weights.assign(noise(weights.values.count, seed: 2))
            dOutput.assign(noise(dOutput.values.count, seed: 3))
        }

        func naiveGradients() -> (input: [Float], weights: [Float]) {
            let s = shape, x = input.values, w = weights.values, dy = dOutput.values
            let perGroup = s.inputChannels / s.groups, outputsPerGroup = s.outputChannels / s.groups
            var dx = [Double](repeating: 0, count: x.count), dw = [Double](repeating: 0, count: w.count)
            var place = 0
            for n in 0..<s.batch {
                for oy in 0..<s.outputHeight {
                    for ox in 0..<s.outputWidth {
                        for o in 0..<s.outputChannels {
                            for ky in 0..<s.kernel {
                                for kx in 0..<s.kernel {
                                    let iy = oy * s.stride + ky - s.vertical.before
                                    let ix = ox * s.stride + kx - s.horizontal.before
                                    guard iy >= 0, iy < s.height, ix >= 0, ix < s.width else { continue }
                                    for i in 0..<perGroup {
                                        let pixel = ((n * s.height + iy) * s.width + ix) * s.inputChannels
                                            + o / outputsPerGroup * perGroup + i
                                        let tap = ((o * perGroup + i) * s.kernel + ky) * s.kernel + kx
                                        dx[pixel] += Double(dy[place]) * Double(w[tap])
                                        dw[tap] += Double(dy[place]) * Double(x[pixel])
                                    }
                                }
                            }
                            place += 1
                        }
                    }
                }
            }
            return (dx.map { Float($0) }, dw.map { Float($0) })
        }
    }
}
