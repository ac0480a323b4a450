/// The k least of a stream of keys, ascending. k is small: insertion beats a heap.
struct LeastKeys {
    private(set) var keys: [UInt64] = []
    let count: Int

    init(count: Int) {
        self.count = count
        keys.reserveCapacity(count + 1)
    }

    mutating func removeAll() { keys.removeAll(keepingCapacity: true) }

    @inline(__always)
    mutating func insert(_ key: UInt64) {
        if keys.count == count {
            guard let last = keys.last, key < last else { return }
            keys.removeLast()
        }
        var position = keys.count
        while position > 0, keys[position - 1] > key { position -= 1 }
        keys.insert(key, at: position)
    }
}
