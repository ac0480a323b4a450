import CKernels

/// The gradients of a depthwise convolution by this module's own AVX-512 kernels, float32; `ConvolutionBackward` does the
/// same on other processors.
public enum DepthwiseBackward {
    /// True where the kernels cover this convolution on this CPU.
    public static func supports(_ shape: ConvolutionShape) -> Bool { DepthwiseConvolution.supports(shape) }

    /// The step that adds ∂L/∂weights.
    ///
    /// - Parameters:
    ///   - dWeights: in the layout of `DepthwiseConvolution.weightsDescriptor`; added to.
    ///   - dOutput: ∂L/∂output, before the activation.
    public static func weights(
        _ shape: ConvolutionShape, input: Tensor, dOutput: Tensor, dWeights: Tensor
    ) -> any Step {
        precondition(supports(shape), "\(shape) is not covered")
        precondition(dWeights.descriptor == DepthwiseConvolution.weightsDescriptor(shape), "weights of \(shape)")
        return WeightsGradient(shape, input: input, dOutput: dOutput, dWeights: dWeights)
    }

    /// The step that writes ∂L/∂input.
    ///
    /// - Parameters:
    ///   - weights: as `weightsDescriptor` says, turned by half a turn where the stride is 1 (`turned`).
    ///   - dInput: written.
    public static func input(
        _ shape: ConvolutionShape, weights: Tensor, noBias: Tensor, dOutput: Tensor, dInput: Tensor
    ) -> any Step {
        precondition(supports(shape), "\(shape) is not covered")
        precondition(weights.descriptor == DepthwiseConvolution.weightsDescriptor(shape), "weights of \(shape)")
        guard shape.stride == 1 else {
            return InputGradient(shape, weights: weights, dOutput: dOutput, dInput: dInput)
        }
        func mirrored(_ padding: Padding) -> Padding {
            Padding(before: shape.kernel - 1 - padding.before, after: shape.kernel - 1 - padding.after)
        }
        let transposed = ConvolutionShape(
            batch: shape.batch, inputChannels: shape.inputChannels, outputChannels: shape.outputChannels,
            height: shape.outputHeight, width: shape.outputWidth, kernel: shape.kernel,
            vertical: mirrored(shape.vertical), horizontal: mirrored(shape.horizontal), groups: shape.groups)
        return DepthwiseConvolution(
            transposed, activation: .none, input: dOutput, weights: weights, bias: noBias, output: dInput)
    }

    /// Weights (channels × taps, row-major) as `input` wants them.
    public static func turned(_ weights: [Float], _ shape: ConvolutionShape) -> [Float] {
        guard shape.stride == 1 else { return weights }
        let taps = shape.kernel * shape.kernel
        return weights.indices.map { index in weights[index / taps * taps + taps - 1 - index % taps] }
    }
}

private final class WeightsGradient: Step {
    private var shape: ck_depthwise_shape
    private let batch: Int
    private let input, dOutput, dWeights: Tensor

    init(_ shape: ConvolutionShape, input: Tensor, dOutput: Tensor, dWeights: Tensor) {
        self.shape = ck_depthwise_shape(shape, .none)
        batch = shape.batch
        self.input = input
        self.dOutput = dOutput
        self.dWeights = dWeights
    }

    func execute() {
        let x = input.floats, dy = dOutput.floats
        for image in 0..<batch {
            ck_depthwise_weights_gradient(
                &shape, x.baseAddress! + x.count / batch * image, dy.baseAddress! + dy.count / batch * image,
                dWeights.floats.baseAddress!)
        }
    }
}

private final class InputGradient: Step {
    private var shape: ck_depthwise_shape
    private let batch: Int
    private let weights, dOutput, dInput: Tensor

    init(_ shape: ConvolutionShape, weights: Tensor, dOutput: Tensor, dInput: Tensor) {
        self.shape = ck_depthwise_shape(shape, .none)
        batch = shape.batch
        self.weights = weights
        self.dOutput = dOutput
        self.dInput = dInput
    }

    func execute() {
        let dx = dInput.floats, dy = dOutput.floats
        for image in 0..<batch {
            ck_depthwise_input_gradient_stride2(
                &shape, dy.baseAddress! + dy.count / batch * image, weights.floats.baseAddress!,
                dx.baseAddress! + dx.count / batch * image)
        }
    }
}
