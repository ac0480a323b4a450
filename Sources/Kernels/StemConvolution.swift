import CDNNL
import CKernels

/// A network's first convolution, of float32 pixels, with bias and activation, by this module's own AVX-512 kernel: as
/// fast in float32 as oneDNN 2.6 is in bfloat16, and exact. The output is float32 or bfloat16.
public final class StemConvolution: Step {
    private var shape: ck_stem_shape
    private let batch: Int
    private let input: Tensor
    private let weights: Tensor
    private let bias: Tensor
    private let output: Tensor

    /// True where the kernel covers this convolution on this CPU.
    public static func supports(_ shape: ConvolutionShape) -> Bool {
        CPUFeatures.hasOwnKernels && shape.groups == 1 && shape.inputChannels == 3 && shape.outputChannels % 32 == 0
    }

    /// The layout that the kernel wants: rows, columns and input channels of the kernel, then output channels.
    public static func weightsDescriptor(_ shape: ConvolutionShape) -> TensorDescriptor {
        TensorDescriptor(TensorDescriptor.filters(shape).dimensions, .float32, tag: dnnl_hwio)
    }

    /// - Parameters:
    ///   - input: float32 images.
    ///   - weights: as `weightsDescriptor` says.
    public init(
        _ shape: ConvolutionShape, activation: Activation, input: Tensor, weights: Tensor, bias: Tensor,
        output: Tensor
    ) {
        precondition(StemConvolution.supports(shape), "\(shape) is not covered")
        precondition(input.descriptor == .images(
            batch: shape.batch, channels: 3, height: shape.height, width: shape.width))
        precondition(output.descriptor == .images(
            batch: shape.batch, channels: shape.outputChannels, height: shape.outputHeight,
            width: shape.outputWidth, output.descriptor.elementType))
        precondition(weights.descriptor == StemConvolution.weightsDescriptor(shape), "weights of \(shape)")
        precondition(bias.descriptor == .vector(shape.outputChannels), "bias of \(shape)")
        let range = activation.range
        self.shape = ck_stem_shape(
            height: Int32(shape.height), width: Int32(shape.width), output_channels: Int32(shape.outputChannels),
            output_height: Int32(shape.outputHeight), output_width: Int32(shape.outputWidth),
            kernel: Int32(shape.kernel), stride: Int32(shape.stride), top: Int32(shape.vertical.before),
            left: Int32(shape.horizontal.before), lower: range.lower, upper: range.upper)
        batch = shape.batch
        self.input = input
        self.weights = weights
        self.bias = bias
        self.output = output
    }

    public func execute() {
        let inputBytes = input.descriptor.byteCount / batch, outputBytes = output.descriptor.byteCount / batch
        let w = weights.floats.baseAddress!, b = bias.floats.baseAddress!
        for image in 0..<batch {
            let x = (input.base + image * inputBytes).assumingMemoryBound(to: Float.self)
            let y = output.base + image * outputBytes
            switch output.descriptor.elementType {
            case .float32: ck_stem_f32(&shape, x, w, b, y.assumingMemoryBound(to: Float.self))
            case .bfloat16: ck_stem_bf16(&shape, x, w, b, y.assumingMemoryBound(to: UInt16.self))
            }
        }
    }
}
