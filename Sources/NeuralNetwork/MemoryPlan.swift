import Kernels

/// Places the values of a graph in one arena, so that values that never live together share memory.
///
/// First fit, in the order of creation: the arena stays about as large as the largest pair of neighbours, which keeps a
/// network's whole working set near the cache.
struct MemoryPlan {
    /// The byte offset of each value; a residual sum has the offset of the value that it is added to.
    let offsets: [Int]
    let byteCount: Int

    /// - Parameters:
    ///   - sizes: bytes of each value; value 0 is the input.
    ///   - readers: for each node, the values it reads; node i makes value i + 1.
    ///   - aliases: for each node, the value whose memory it writes over, or nil.
    init(sizes: [Int], readers: [[Int]], aliases: [Int?]) {
        precondition(sizes.count == readers.count + 1 && aliases.count == readers.count)
        // A value and those written over it are one block.
        var block = Array(sizes.indices)
        for (node, alias) in aliases.enumerated() {
            if let alias { block[node + 1] = block[alias] }
        }
        var lastUse = [Int](repeating: -1, count: sizes.count)
        for (node, values) in readers.enumerated() {
            for value in values { lastUse[block[value]] = node }
            lastUse[block[node + 1]] = max(lastUse[block[node + 1]], node)
        }
        lastUse[block[sizes.count - 1]] = .max  // the output
        var size = [Int](repeating: 0, count: sizes.count)
        for (value, bytes) in sizes.enumerated() { size[block[value]] = max(size[block[value]], bytes) }

        var offsets = [Int](repeating: 0, count: sizes.count)
        var live: [(block: Int, range: Range<Int>)] = []
        var total = 0
        for value in sizes.indices where block[value] == value {
            let node = value - 1
            live.removeAll { lastUse[$0.block] < node }
            let bytes = (size[value] + Storage.alignment - 1) / Storage.alignment * Storage.alignment
            var offset = 0
            for other in live.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
                if other.range.lowerBound >= offset + bytes { break }
                offset = max(offset, other.range.upperBound)
            }
            live.append((value, offset..<offset + bytes))
            offsets[value] = offset
            total = max(total, offset + bytes)
        }
        self.offsets = block.map { offsets[$0] }
        byteCount = total
    }
}
