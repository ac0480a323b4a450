import CDNNL

/// A forward convolution with bias, optional accumulation into its output, and activation, all in one pass:
/// `output = activation(convolve(input, weights) + bias [+ output])`.
///
/// oneDNN, "Convolution": https://oneapi-src.github.io/oneDNN/v2.6/dev_guide_convolution.html
public final class Convolution {
    public let shape: ConvolutionShape
    private let recipe: PrimitiveRecipe
    private let engine: Engine

    /// - Parameters:
    ///   - type: of the input and the weights; sums are float32 always.
    ///   - outputType: of the output.
    ///   - accumulating: add what the output holds before the activation (a residual connection, in place).
    /// - Throws: `KernelError` where oneDNN has no implementation (bfloat16 without AVX-512).
    public init(
        _ shape: ConvolutionShape, type: ElementType, outputType: ElementType, accumulating: Bool = false,
        activation: Activation = .none, on engine: Engine
    ) throws {
        self.shape = shape
        self.engine = engine
        let subject = "\(shape), \(type.rawValue)"
        var input = TensorDescriptor.images(
            batch: shape.batch, channels: shape.inputChannels, height: shape.height, width: shape.width, type).md
        var weights = TensorDescriptor(
            TensorDescriptor.filters(shape).dimensions, type, tag: dnnl_format_tag_any).md
        var bias = TensorDescriptor.vector(shape.outputChannels).md
        var output = TensorDescriptor.images(
            batch: shape.batch, channels: shape.outputChannels, height: shape.outputHeight,
            width: shape.outputWidth, outputType).md
        let strides = [dnnl_dim_t(shape.stride), dnnl_dim_t(shape.stride)]
        let before = [dnnl_dim_t(shape.vertical.before), dnnl_dim_t(shape.horizontal.before)]
        let after = [dnnl_dim_t(shape.vertical.after), dnnl_dim_t(shape.horizontal.after)]
        var operation = dnnl_convolution_desc_t()
        try check(
            "describe a convolution", subject,
            dnnl_convolution_forward_desc_init(
                &operation, dnnl_forward_inference, dnnl_convolution_direct, &input, &weights, &bias, &output,
                strides, before, after))
        let attributes = try Attributes(accumulating: accumulating, activation: activation)
        recipe = try PrimitiveRecipe(operation, attributes: attributes.handle, subject: subject, on: engine)
    }

    /// The layout that the chosen implementation wants its weights in.
    public var weightsDescriptor: TensorDescriptor { recipe.descriptor(dnnl_query_weights_md) }
    public var inputDescriptor: TensorDescriptor { recipe.descriptor(dnnl_query_src_md) }
    public var outputDescriptor: TensorDescriptor { recipe.descriptor(dnnl_query_dst_md) }
    /// Working memory of one run, in bytes.
    public var scratchpadBytes: Int { recipe.scratchpadBytes }
    /// The name of oneDNN's implementation, such as `brgconv_1x1:avx512_core_bf16`.
    public var implementation: String { recipe.implementation }

    /// The convolution over these tensors.
    /// - Parameter scratchpad: at least `scratchpadBytes`; primitives that never run at once may share it.
    public func bound(
        input: Tensor, weights: Tensor, bias: Tensor, output: Tensor, scratchpad: Storage
    ) throws -> Primitive {
        precondition(input.descriptor == inputDescriptor, "input \(input.descriptor.dimensions) for \(shape)")
        precondition(weights.descriptor == weightsDescriptor, "weights not in the layout of \(shape)")
        precondition(bias.descriptor == .vector(shape.outputChannels), "bias for \(shape)")
        precondition(output.descriptor == outputDescriptor, "output \(output.descriptor.dimensions) for \(shape)")
        var arguments = [
            (DNNL_ARG_SRC, input), (DNNL_ARG_WEIGHTS, weights), (DNNL_ARG_BIAS, bias), (DNNL_ARG_DST, output),
        ]
        if scratchpadBytes > 0 {
            let pad = try Tensor(recipe.descriptor(dnnl_query_scratchpad_md), in: scratchpad, on: engine)
            arguments.append((DNNL_ARG_SCRATCHPAD, pad))
        }
        return try Primitive(recipe, arguments: arguments, on: engine)
    }
}
