import CDNNL

/// The maximum over a sliding square window; padding counts as minus infinity.
public final class MaxPooling {
    private let recipe: PrimitiveRecipe
    private let engine: Engine

    /// - Parameter shape: `inputChannels` = `outputChannels` = `groups`; kernel, stride and padding as in a convolution.
    public init(_ shape: ConvolutionShape, type: ElementType, on engine: Engine) throws {
        precondition(shape.inputChannels == shape.outputChannels, "pooling keeps the channels")
        self.engine = engine
        var input = TensorDescriptor.images(
            batch: shape.batch, channels: shape.inputChannels, height: shape.height, width: shape.width, type).md
        var output = TensorDescriptor.images(
            batch: shape.batch, channels: shape.inputChannels, height: shape.outputHeight,
            width: shape.outputWidth, type).md
        let strides = [dnnl_dim_t(shape.stride), dnnl_dim_t(shape.stride)]
        let kernel = [dnnl_dim_t(shape.kernel), dnnl_dim_t(shape.kernel)]
        let before = [dnnl_dim_t(shape.vertical.before), dnnl_dim_t(shape.horizontal.before)]
        let after = [dnnl_dim_t(shape.vertical.after), dnnl_dim_t(shape.horizontal.after)]
        var operation = dnnl_pooling_desc_t()
        try check(
            "describe a pooling", "\(shape)",
            dnnl_pooling_forward_desc_init(
                &operation, dnnl_forward_inference, dnnl_pooling_max, &input, &output, strides, kernel, before,
                after))
        let attributes = try Attributes()
        recipe = try PrimitiveRecipe(operation, attributes: attributes.handle, subject: "\(shape)", on: engine)
    }

    public var scratchpadBytes: Int { recipe.scratchpadBytes }

    public func bound(input: Tensor, output: Tensor, scratchpad: Storage) throws -> Primitive {
        var arguments = [(DNNL_ARG_SRC, input), (DNNL_ARG_DST, output)]
        if scratchpadBytes > 0 {
            let pad = try Tensor(recipe.descriptor(dnnl_query_scratchpad_md), in: scratchpad, on: engine)
            arguments.append((DNNL_ARG_SCRATCHPAD, pad))
        }
        return try Primitive(recipe, arguments: arguments, on: engine)
    }
}
