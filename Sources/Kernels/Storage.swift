/// A block of memory aligned to cache lines, zero at first; freed with its last user.
public final class Storage {
    let base: UnsafeMutableRawPointer
    public let byteCount: Int

    /// The alignment of every block: a cache line, and an AVX-512 register.
    public static let alignment = 64

    public init(byteCount: Int) {
        self.byteCount = max(byteCount, 1)
        base = .allocate(byteCount: self.byteCount, alignment: Storage.alignment)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: self.byteCount)
    }

    deinit { base.deallocate() }
}
