import CDNNL

/// A compiled oneDNN operation, bound to the tensors it reads and writes. Running it allocates nothing here.
public final class Primitive: Step {
    private let handle: dnnl_primitive_t
    private var arguments: [dnnl_exec_arg_t]
    private let tensors: [Tensor]
    private let engine: Engine

    init(_ recipe: PrimitiveRecipe, arguments: [(Int32, Tensor)], on engine: Engine) throws {
        var handle: dnnl_primitive_t?
        try check("compile", recipe.subject, dnnl_primitive_create(&handle, recipe.handle))
        self.handle = handle!
        self.tensors = arguments.map(\.1)
        self.arguments = arguments.map { dnnl_exec_arg_t(arg: $0.0, memory: $0.1.handle) }
        self.engine = engine
    }

    deinit { dnnl_primitive_destroy(handle) }

    /// Computes, and returns when the result is there.
    /// - Throws: `KernelError` where oneDNN fails (out of memory).
    public func execute() throws {
        let status = arguments.withUnsafeBufferPointer {
            dnnl_primitive_execute(handle, engine.stream, Int32($0.count), $0.baseAddress)
        }
        // A CPU stream is synchronous under OpenMP: nothing to wait for.
        guard status == dnnl_success else {
            throw KernelError(
                operation: "run a primitive", subject: "\(tensors.map(\.descriptor.dimensions))",
                reason: String(cString: dnnl_status2str(status)), code: Int(status.rawValue))
        }
    }
}

/// A primitive's descriptor: the implementation that oneDNN chose, and the layouts that it wants.
final class PrimitiveRecipe {
    let handle: dnnl_primitive_desc_t
    let subject: String

    init(_ handle: dnnl_primitive_desc_t, subject: String) {
        self.handle = handle
        self.subject = subject
    }

    /// Chooses an implementation for an operation descriptor. `attributes` are copied, and destroyed by their maker.
    /// - Parameter forward: the forward recipe, which backward operations are chosen to fit.
    convenience init<Operation>(
        _ operation: Operation, attributes: dnnl_primitive_attr_t?, subject: String, on engine: Engine,
        forward: PrimitiveRecipe? = nil
    ) throws {
        var handle: dnnl_primitive_desc_t?
        let status = withUnsafePointer(to: operation) {
            dnnl_primitive_desc_create(&handle, UnsafeRawPointer($0), attributes, engine.handle, forward?.handle)
        }
        try check("find an implementation", subject, status)
        self.init(handle!, subject: subject)
    }

    deinit { dnnl_primitive_desc_destroy(handle) }

    func descriptor(_ query: dnnl_query_t) -> TensorDescriptor {
        TensorDescriptor(md: dnnl_primitive_desc_query_md(handle, query, 0).pointee)
    }

    /// Working memory that each execution needs.
    var scratchpadBytes: Int {
        guard let md = dnnl_primitive_desc_query_md(handle, dnnl_query_scratchpad_md, 0) else { return 0 }
        return Int(dnnl_memory_desc_get_size(md))
    }

    /// The name of the implementation that oneDNN chose.
    var implementation: String {
        var name: UnsafePointer<CChar>?
        let status = dnnl_primitive_desc_query(handle, dnnl_query_impl_info_str, 0, &name)
        return status == dnnl_success ? name.map { String(cString: $0) } ?? "?" : "?"
    }
}

/// Owns the attributes of a primitive while it is made: scratchpad given by the caller, and post-operations.
final class Attributes {
    let handle: dnnl_primitive_attr_t

    /// - Parameters:
    ///   - accumulating: add the result to what the output holds, before the activation.
    ///   - activation: applied last.
    init(accumulating: Bool = false, activation: Activation = .none) throws {
        var attributes: dnnl_primitive_attr_t?
        try check("create attributes", "primitive", dnnl_primitive_attr_create(&attributes))
        handle = attributes!
        var operations: dnnl_post_ops_t?
        try check("create post-operations", "primitive", dnnl_post_ops_create(&operations))
        defer { dnnl_post_ops_destroy(operations) }
        if accumulating {
            try check("append a sum", "primitive", dnnl_post_ops_append_sum(operations, 1))
        }
        switch activation {
        case .none: break
        case .relu:
            try check(
                "append ReLU", "primitive",
                dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_relu, 0, 0))
        case .relu6:
            try check(
                "append ReLU6", "primitive",
                dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_clip, 0, 6))
        }
        try check("set post-operations", "primitive", dnnl_primitive_attr_set_post_ops(handle, operations))
        try check(
            "set the scratchpad's owner", "primitive",
            dnnl_primitive_attr_set_scratchpad_mode(handle, dnnl_scratchpad_mode_user))
    }

    deinit { dnnl_primitive_attr_destroy(handle) }
}
