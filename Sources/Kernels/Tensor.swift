import CDNNL

/// A tensor in memory: a view of a `Storage`, which it keeps alive.
public final class Tensor {
    public let descriptor: TensorDescriptor
    let handle: dnnl_memory_t
    let storage: Storage
    private let offset: Int
    private let engine: Engine

    /// A view of `storage` from a byte offset on.
    /// - Throws: `KernelError` where oneDNN refuses the memory.
    public init(_ descriptor: TensorDescriptor, in storage: Storage, at offset: Int = 0, on engine: Engine) throws {
        precondition(offset >= 0 && offset + descriptor.byteCount <= storage.byteCount, "a tensor past its storage")
        precondition(offset % Storage.alignment == 0, "a tensor off alignment")
        var md = descriptor.md
        var handle: dnnl_memory_t?
        try check(
            "create a tensor", "\(descriptor.dimensions)",
            dnnl_memory_create(&handle, &md, engine.handle, storage.base + offset))
        self.handle = handle!
        self.descriptor = descriptor
        self.storage = storage
        self.offset = offset
        self.engine = engine
    }

    /// A tensor of its own memory, zero at first.
    public convenience init(_ descriptor: TensorDescriptor, on engine: Engine) throws {
        try self.init(descriptor, in: Storage(byteCount: descriptor.byteCount), on: engine)
    }

    deinit { dnnl_memory_destroy(handle) }

    var base: UnsafeMutableRawPointer { storage.base + offset }

    /// The elements as float32; only of float32 tensors.
    var floats: UnsafeMutableBufferPointer<Float> {
        precondition(descriptor.elementType == .float32, "a bfloat16 tensor read as float32")
        return UnsafeMutableBufferPointer(
            start: base.assumingMemoryBound(to: Float.self), count: descriptor.byteCount / 4)
    }

    /// The elements in memory order; float32 tensors only.
    public var values: [Float] { Array(floats) }

    /// Replaces the elements, given in memory order; float32 tensors only.
    public func assign(_ values: some Collection<Float>) {
        precondition(values.count == floats.count, "\(values.count) values for \(descriptor.dimensions)")
        _ = floats.update(fromContentsOf: values)
    }
}

extension Tensor {
    /// Appends the first rows of a float32 matrix.
    public func append(rows: Int, to values: inout [Float]) {
        let extents = descriptor.dimensions
        precondition(extents.count == 2 && rows <= extents[0], "\(rows) rows of \(extents)")
        values.append(contentsOf: floats[..<(rows * extents[1])])
    }
}
