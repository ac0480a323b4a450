import CDNNL

/// The gradients of a convolution, by oneDNN: ∂L/∂input from ∂L/∂output and the weights, ∂L/∂weights from ∂L/∂output and
/// the input. The bias's is a sum over ∂L/∂output (`maskGradient`).
///
/// oneDNN, "Convolution", backward: https://oneapi-src.github.io/oneDNN/v2.6/dev_guide_convolution.html
public final class ConvolutionBackward {
    public enum Gradient: String, Sendable { case input, weights }

    public let shape: ConvolutionShape
    public let gradient: Gradient
    private let recipe: PrimitiveRecipe
    private let engine: Engine

    /// - Throws: `KernelError` where oneDNN has no implementation.
    public init(_ shape: ConvolutionShape, of gradient: Gradient, on engine: Engine) throws {
        self.shape = shape
        self.gradient = gradient
        self.engine = engine
        let subject = "\(shape), gradient of \(gradient.rawValue)"
        var input = TensorDescriptor.images(
            batch: shape.batch, channels: shape.inputChannels, height: shape.height, width: shape.width).md
        var weights = TensorDescriptor(
            TensorDescriptor.filters(shape).dimensions, .float32, tag: dnnl_format_tag_any).md
        var output = TensorDescriptor.images(
            batch: shape.batch, channels: shape.outputChannels, height: shape.outputHeight, width: shape.outputWidth).md
        let strides = [dnnl_dim_t(shape.stride), dnnl_dim_t(shape.stride)]
        let before = [dnnl_dim_t(shape.vertical.before), dnnl_dim_t(shape.horizontal.before)]
        let after = [dnnl_dim_t(shape.vertical.after), dnnl_dim_t(shape.horizontal.after)]
        let attributes = try Attributes()
        var operation = dnnl_convolution_desc_t()
        try check(
            "describe a convolution", subject,
            dnnl_convolution_forward_desc_init(
                &operation, dnnl_forward_training, dnnl_convolution_direct, &input, &weights, nil, &output, strides,
                before, after))
        let forward = try PrimitiveRecipe(operation, attributes: attributes.handle, subject: subject, on: engine)
        switch gradient {
        case .input:
            try check(
                "describe a convolution's backward pass", subject,
                dnnl_convolution_backward_data_desc_init(
                    &operation, dnnl_convolution_direct, &input, &weights, &output, strides, before, after))
        case .weights:
            try check(
                "describe a convolution's backward pass", subject,
                dnnl_convolution_backward_weights_desc_init(
                    &operation, dnnl_convolution_direct, &input, &weights, nil, &output, strides, before, after))
        }
        recipe = try PrimitiveRecipe(
            operation, attributes: attributes.handle, subject: subject, on: engine, forward: forward)
    }

    /// The layout of the weights, or of their gradient, that the chosen implementation wants.
    public var weightsDescriptor: TensorDescriptor {
        recipe.descriptor(gradient == .input ? dnnl_query_weights_md : dnnl_query_diff_weights_md)
    }
    public var scratchpadBytes: Int { recipe.scratchpadBytes }
    public var implementation: String { recipe.implementation }

    /// - Parameters:
    ///   - weights: read for the input's gradient, written for the weights'.
    ///   - input: written for the input's gradient, read for the weights'.
    ///   - dOutput: ∂L/∂output, before the activation.
    public func bound(input: Tensor, weights: Tensor, dOutput: Tensor, scratchpad: Storage) throws -> Primitive {
        precondition(weights.descriptor == weightsDescriptor, "weights not in the layout of \(shape)")
        var arguments =
            switch gradient {
            case .input:
                [(DNNL_ARG_DIFF_SRC, input), (DNNL_ARG_WEIGHTS, weights), (DNNL_ARG_DIFF_DST, dOutput)]
            case .weights:
                [(DNNL_ARG_SRC, input), (DNNL_ARG_DIFF_WEIGHTS, weights), (DNNL_ARG_DIFF_DST, dOutput)]
            }
        if scratchpadBytes > 0 {
            let pad = try Tensor(recipe.descriptor(dnnl_query_scratchpad_md), in: scratchpad, on: engine)
            arguments.append((DNNL_ARG_SCRATCHPAD, pad))
        }
        return try Primitive(recipe, arguments: arguments, on: engine)
    }
}
