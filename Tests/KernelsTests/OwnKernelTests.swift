import Testing

@testable import Kernels

/// The AVX-512 kernels against the naive twin. Elsewhere they are not used, and oneDNN does their work.
@Suite(.enabled(if: CPUFeatures.hasOwnKernels, "this CPU lacks AVX-512 or bfloat16: the kernels are not used here"))
struct OwnKernelTests {
    /// Every kernel and stride; extents that fill no span; channels that fill no register, and more than one group.
    static let depthwise: [ConvolutionShape] = [3, 5].flatMap { kernel in
        [1, 2].flatMap { stride in
            [(32, 14, 14), (40, 9, 16), (144, 7, 7), (8, 3, 2)].map { channels, height, width in
                ConvolutionShape(
                    batch: 2, inputChannels: channels, outputChannels: channels, height: height, width: width,
                    kernel: kernel, stride: stride,
                    vertical: .same(extent: height, kernel: kernel, stride: stride),
                    horizontal: .same(extent: width, kernel: kernel, stride: stride), groups: channels)
            }
        }
    }

    static let stems: [ConvolutionShape] = [(3, 2, 32, 16), (3, 2, 64, 15), (7, 2, 64, 30), (5, 1, 32, 9), (7, 2, 32, 5)]
        .map { kernel, stride, channels, side in
            ConvolutionShape(
                batch: 2, inputChannels: 3, outputChannels: channels, height: side, width: side, kernel: kernel,
                stride: stride, vertical: .same(extent: side, kernel: kernel, stride: stride),
                horizontal: .same(extent: side, kernel: kernel, stride: stride))
        }

    @Test(arguments: depthwise, [Activation.none, .relu6])
    func depthwiseEqualsTheNaiveTwin(_ shape: ConvolutionShape, _ activation: Activation) throws {
        let engine = try Engine(threads: 1)
        let run = try Run(
            shape, activation, weightsAs: DepthwiseConvolution.weightsDescriptor(shape),
            from: DepthwiseConvolution.plainDescriptor(shape), engine)
        DepthwiseConvolution(
            shape, activation: activation, input: run.input, weights: run.weights, bias: run.bias, output: run.output
        ).execute()
        #expect(run.worstError() < 1e-5)
    }

    @Test(arguments: stems, [Activation.none, .relu6])
    func stemEqualsTheNaiveTwin(_ shape: ConvolutionShape, _ activation: Activation) throws {
        let engine = try Engine(threads: 1)
        let run = try Run(
            shape, activation, weightsAs: StemConvolution.weightsDescriptor(shape), from: .filters(shape), engine)
        StemConvolution(
            shape, activation: activation, input: run.input, weights: run.weights, bias: run.bias, output: run.output
        ).execute()
        #expect(run.worstError() < 1e-4)
    }

    /// In bfloat16 only input and output are rounded: the result is the rounded float32 result.
    @Test(arguments: depthwise, [ElementType.bfloat16, .float32])
    func depthwiseInBFloat16RoundsOnce(_ shape: ConvolutionShape, _ inputType: ElementType) throws {
        let engine = try Engine(threads: 1)
        let run = try Run(
            shape, .relu, weightsAs: DepthwiseConvolution.weightsDescriptor(shape),
            from: DepthwiseConvolution.plainDescriptor(shape), engine)
        if inputType == .bfloat16 { run.input.assign(run.input.values.map { BFloat16.float(BFloat16.bits($0)) }) }
        let input = try Tensor(
            .images(batch: 2, channels: shape.inputChannels, height: shape.height, width: shape.width, inputType),
            on: engine)
        let output = try Tensor(
            .images(
                batch: 2, channels: shape.inputChannels, height: shape.outputHeight, width: shape.outputWidth,
                .bfloat16), on: engine)
        try reorder(run.input, into: input, on: engine)
        DepthwiseConvolution(
            shape, activation: .relu, input: input, weights: run.weights, bias: run.bias, output: output
        ).execute()
        try reorder(output, into: run.output, on: engine)
        #expect(run.worstError(relative: true) < 0x1p-8)
    }

    /// Tiles of every width and height, rests of both, more than one panel, and images of more than one row block.
    static let pointwise: [ConvolutionShape] = [
        (2, 8, 1, 1), (16, 16, 5, 3), (24, 24, 7, 7), (40, 40, 9, 5), (32, 64, 6, 4), (10, 80, 7, 7), (144, 112, 3, 5),
        (96, 130, 4, 4), (1152, 192, 7, 7), (16, 96, 60, 60),
    ].map { inputs, outputs, height, width in
        ConvolutionShape(
            batch: 2, inputChannels: inputs, outputChannels: outputs, height: height, width: width, kernel: 1,
            vertical: .symmetric(0), horizontal: .symmetric(0))
    }

    /// Products of bfloat16 are summed in float32, the bias and what is there already with them, and rounded once.
    @Test(arguments: pointwise, [(false, true), (false, false), (true, false)])
    func pointwiseEqualsTheNaiveTwin(_ shape: ConvolutionShape, _ kind: (accumulating: Bool, wide: Bool)) throws {
        let engine = try Engine(threads: 1)
        func rounded(_ values: [Float]) -> [Float] { values.map { BFloat16.float(BFloat16.bits($0)) } }
        func images(_ channels: Int, _ type: ElementType, _ values: [Float]? = nil) throws -> Tensor {
            let tensor = try Tensor(
                .images(batch: 2, channels: channels, height: shape.height, width: shape.width, type), on: engine)
            if let values {
                let plain = try Tensor(
                    .images(batch: 2, channels: channels, height: shape.height, width: shape.width), on: engine)
                plain.assign(values)
                try reorder(plain, into: tensor, on: engine)
            }
            return tensor
        }
        let pixels = 2 * shape.height * shape.width
        let x = rounded(noise(pixels * shape.inputChannels, seed: 1))
        let w = rounded(noise(shape.outputChannels * shape.inputChannels, seed: 2))
        let before = rounded(noise(pixels * shape.outputChannels, seed: 4))
        let bias = try Tensor(.vector(shape.outputChannels), on: engine)
        bias.assign(noise(shape.outputChannels, seed: 3))
        let plain = try Tensor(PointwiseConvolution.plainDescriptor(shape), on: engine)
        plain.assign(PointwiseConvolution.packed(w, shape))
        let weights = try Tensor(PointwiseConvolution.weightsDescriptor(shape), on: engine)
        try reorder(plain, into: weights, on: engine)
        let output = try images(shape.outputChannels, kind.wide ? .float32 : .bfloat16, before)
        PointwiseConvolution(
            shape, accumulating: kind.accumulating, activation: .relu6,
            input: try images(shape.inputChannels, .bfloat16, x), weights: weights, bias: bias, output: output
        ).execute()
        let result = try images(shape.outputChannels, .float32)
        try reorder(output, into: result, on: engine)
        let expected = naiveConvolution(shape, x, w, bias.values, kind.accumulating ? before : nil, .relu6)
        let worst = zip(result.values, expected).map { abs($0 - $1) / max(abs($1), 1) }.max()!
        #expect(worst < (kind.wide ? 1e-4 : 0x1p-8))
    }

    /// One convolution's tensors with noise in them.
    private struct Run {
        let shape: ConvolutionShape
        let activation: Activation
        let input, weights, bias, output: Tensor
        let plain: [Float]

        init(
            _ shape: ConvolutionShape, _ activation: Activation, weightsAs packed: TensorDescriptor,
            from plainDescriptor: TensorDescriptor, _ engine: Engine
        ) throws {
            self.shape = shape
            self.activation = activation
            input = try Tensor(
                .images(batch: shape.batch, channels: shape.inputChannels, height: shape.height, width: shape.width),
                on: engine)
            output = try Tensor(
                .images(
                    batch: shape.batch, channels: shape.outputChannels, height: shape.outputHeight,
                    width: shape.outputWidth), on: engine)
            bias = try Tensor(.vector(shape.outputChannels), on: engine)
            weights = try Tensor(packed, on: engine)
            input.assign(noise(input.values.count, seed: 1))
            bias.assign(noise(shape.outputChannels, seed: 3))
            let source = try Tensor(plainDescriptor, on: engine)
            plain = noise(source.values.count, seed: 2)
            source.assign(plain)
            try reorder(source, into: weights, on: engine)
        }

        func worstError(relative: Bool = false) -> Float {
            let expected = naiveConvolution(shape, input.values, plain, bias.values, nil, activation)
            return zip(output.values, expected).map { abs($0 - $1) / (relative ? max(abs($1), 1) : 1) }.max()!
        }
    }
}
