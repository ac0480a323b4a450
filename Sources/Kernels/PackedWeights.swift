import Synchronization

/// Convolution weights in the layouts that oneDNN's implementations want, each packed once and read by every thread.
public final class PackedWeights: Sendable {
    /// Memory that nobody writes any more, and that may cross threads for that reason.
    private struct Frozen: @unchecked Sendable { let storage: Storage }
    private struct Key: Hashable { let name: String, descriptor: TensorDescriptor }

    private let table = Mutex<[Key: Frozen]>([:])

    public init() {}

    /// The named weights in a layout: packed now, or by whoever asked first.
    /// - Parameters:
    ///   - plain: a descriptor of `values`, row-major float32.
    ///   - values: called only where the weights have to be packed.
    public func tensor(
        _ name: String, as descriptor: TensorDescriptor, from plain: TensorDescriptor, on engine: Engine,
        _ values: () throws -> [Float]
    ) throws -> Tensor {
        let key = Key(name: name, descriptor: descriptor)
        let frozen = try table.withLock { table throws -> Frozen in
            if let packed = table[key] { return packed }
            let source = try Tensor(plain, on: engine)
            source.assign(try values())
            let packed = try Tensor(descriptor, on: engine)
            try reorder(source, into: packed, on: engine)
            let frozen = Frozen(storage: packed.storage)
            table[key] = frozen
            return frozen
        }
        return try Tensor(descriptor, in: frozen.storage, on: engine)
    }
}
