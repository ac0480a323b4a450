import Kernels

/// Places the gradients of a graph's values in one arena: a value's gradient lives from the last of its readers, which is the
/// first to be differentiated, down to the node that made it.
struct GradientPlan {
    /// The byte offset of each value's gradient; of value 0, the input, which has none, 0.
    let offsets: [Int]
    let byteCount: Int

    /// - Parameters:
    ///   - sizes: bytes of each value; value 0 is the input, node i makes value i + 1.
    ///   - readers: for each node, the values it reads.
    init(sizes: [Int], readers: [[Int]]) {
        var lastReader = Array(repeating: sizes.count, count: sizes.count)
        for (node, values) in readers.enumerated() {
            for value in values { lastReader[value] = lastReader[value] == sizes.count ? node : max(lastReader[value], node) }
        }
        var offsets = [Int](repeating: 0, count: sizes.count)
        var placed: [(nodes: ClosedRange<Int>, bytes: Range<Int>)] = []
        var total = 0
        for value in sizes.indices.dropFirst().reversed() {
            let nodes = value - 1...lastReader[value]
            let bytes = (sizes[value] + Storage.alignment - 1) / Storage.alignment * Storage.alignment
            var offset = 0
            for other in placed.sorted(by: { $0.bytes.lowerBound < $1.bytes.lowerBound }) where other.nodes.overlaps(nodes) {
                if other.bytes.lowerBound >= offset + bytes { break }
                offset = max(offset, other.bytes.upperBound)
            }
            placed.append((nodes, offset..<offset + bytes))
            offsets[value] = offset
            total = max(total, offset + bytes)
        }
        self.offsets = offsets
        byteCount = max(total, Storage.alignment)
    }
}
