import Kernels

/// DCL's mining: per anchor its farthest positives, and the nearest sample of each of the nearest other classes, so one
/// negative per class. Ties go to the lower row.
public struct InformativeSetMiner: Sendable {
    public var positives: Int
    public var negatives: Int

    public init(positives: Int = 5, negatives: Int = 5) {
        self.positives = positives
        self.negatives = negatives
    }

    /// An anchor's rows, hardest first.
    public struct InformativeSet: Hashable, Sendable {
        /// P*, farthest first.
        public let positives: [Int]
        /// N*, nearest first, of different classes.
        public let negatives: [Int]
    }

    public func informativeSet<Scalar>(of anchor: Int, in batch: DescriptorBatch<Scalar>) -> InformativeSet {
        var own: [(distance: Scalar, row: Int)] = []
        var representatives: [Int: (distance: Scalar, row: Int)] = [:]
        for row in 0..<batch.count where row != anchor {
            let candidate = (distance: batch.distances[anchor, row], row: row)
            let label = batch.labels[row]
            if label == batch.labels[anchor] {
                own.append(candidate)
            } else if representatives[label].map({ candidate.distance < $0.distance }) ?? true {
                representatives[label] = candidate
            }
        }
        own.sort { ($1.distance, $0.row) < ($0.distance, $1.row) }
        let others = representatives.values.sorted { ($0.distance, $0.row) < ($1.distance, $1.row) }
        return InformativeSet(
            positives: own.prefix(positives).map(\.row), negatives: others.prefix(negatives).map(\.row))
    }
}
