import CDNNL

/// A fully connected layer in float32: output (rows × outputs) = input (rows × inputs) · weightsᵀ + bias.
public final class Linear {
    private let primitive: Primitive

    /// - Parameters:
    ///   - weights: outputs × inputs, row-major, as files carry them.
    ///   - bias: one value per output.
    public init(input: Tensor, weights: [Float], bias: [Float], output: Tensor, on engine: Engine) throws {
        let rows = input.descriptor.dimensions[0], inputs = input.descriptor.dimensions[1]
        let outputs = output.descriptor.dimensions[1]
        let subject = "linear \(rows)×\(inputs) → \(outputs)"
        precondition(weights.count == inputs * outputs && bias.count == outputs, subject)
        var source = input.descriptor.md, destination = output.descriptor.md
        var weightsAny = TensorDescriptor([outputs, inputs], .float32, tag: dnnl_format_tag_any).md
        var biasVector = TensorDescriptor.vector(outputs).md
        var operation = dnnl_inner_product_desc_t()
        try check(
            "describe a linear layer", subject,
            dnnl_inner_product_forward_desc_init(
                &operation, dnnl_forward_inference, &source, &weightsAny, &biasVector, &destination))
        let attributes = try Attributes()
        let recipe = try PrimitiveRecipe(operation, attributes: attributes.handle, subject: subject, on: engine)
        let plain = try Tensor(.matrix(rows: outputs, columns: inputs), on: engine)
        plain.assign(weights)
        let packed = try Tensor(recipe.descriptor(dnnl_query_weights_md), on: engine)
        try reorder(plain, into: packed, on: engine)
        let biasTensor = try Tensor(.vector(outputs), on: engine)
        biasTensor.assign(bias)
        var arguments = [
            (DNNL_ARG_SRC, input), (DNNL_ARG_WEIGHTS, packed), (DNNL_ARG_BIAS, biasTensor), (DNNL_ARG_DST, output),
        ]
        if recipe.scratchpadBytes > 0 {
            let pad = try Tensor(recipe.descriptor(dnnl_query_scratchpad_md), on: engine)
            arguments.append((DNNL_ARG_SCRATCHPAD, pad))
        }
        primitive = try Primitive(recipe, arguments: arguments, on: engine)
    }

    public func execute() throws { try primitive.execute() }
}
