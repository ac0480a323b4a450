import CDNNL

/// Copies a tensor into another of the same extents, converting element type and memory order.
/// - Throws: `KernelError` where oneDNN knows no such conversion.
public func reorder(_ input: Tensor, into output: Tensor, on engine: Engine) throws {
    try boundReorder(input, into: output, on: engine).execute()
}

/// The same copy, to be run many times.
/// - Parameter accumulating: add to what the output holds.
public func boundReorder(
    _ input: Tensor, into output: Tensor, accumulating: Bool = false, on engine: Engine
) throws -> Primitive {
    let subject = "\(input.descriptor.dimensions) → \(output.descriptor.dimensions)"
    precondition(input.descriptor.dimensions == output.descriptor.dimensions, subject)
    let attributes = try Attributes(accumulating: accumulating)
    var from = input.descriptor.md, to = output.descriptor.md
    var handle: dnnl_primitive_desc_t?
    try check(
        "reorder", subject,
        dnnl_reorder_primitive_desc_create(&handle, &from, engine.handle, &to, engine.handle, attributes.handle))
    let recipe = PrimitiveRecipe(handle!, subject: subject)
    var arguments = [(DNNL_ARG_FROM, input), (DNNL_ARG_TO, output)]
    if recipe.scratchpadBytes > 0 {
        arguments.append((DNNL_ARG_SCRATCHPAD, try Tensor(recipe.descriptor(dnnl_query_scratchpad_md), on: engine)))
    }
    return try Primitive(recipe, arguments: arguments, on: engine)
}
