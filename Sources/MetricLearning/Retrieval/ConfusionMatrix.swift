/// How often a query of one class was given another.
public struct ConfusionMatrix: Hashable, Sendable, Codable {
    /// The classes of queries and gallery, ascending: rows and columns.
    public let labels: [Int]
    /// labels.count² counts, row = true class.
    public private(set) var counts: [Int]

    public init(labels: some Sequence<Int>) {
        self.labels = Set(labels).sorted()
        counts = Array(repeating: 0, count: self.labels.count * self.labels.count)
    }

    /// Traps for a class that is not among `labels`.
    public mutating func add(truth: Int, predicted: Int) { counts[position(truth) * labels.count + position(predicted)] += 1 }

    public func count(truth: Int, predicted: Int) -> Int { counts[position(truth) * labels.count + position(predicted)] }

    /// The share of queries on the diagonal; 0 of none.
    public var accuracy: Double {
        let total = counts.reduce(0, +)
        guard total > 0 else { return 0 }
        return Double(labels.indices.reduce(0) { $0 + counts[$1 * labels.count + $1] }) / Double(total)
    }

    private func position(_ label: Int) -> Int {
        var low = 0, high = labels.count
        while low < high {
            let middle = (low + high) / 2
            if labels[middle] < label { low = middle + 1 } else { high = middle }
        }
        precondition(low < labels.count && labels[low] == label, "ConfusionMatrix: no class \(label)")
        return low
    }
}
