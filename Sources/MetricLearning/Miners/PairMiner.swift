import Kernels

/// Chooses the pairs that a pair loss sees.
public protocol PairMiner: Sendable {
    func pairs<Scalar>(in batch: DescriptorBatch<Scalar>) -> PairSelection
}

/// Every ordered pair of different rows.
public struct AllPairs: PairMiner {
    public init() {}

    public func pairs<Scalar>(in batch: DescriptorBatch<Scalar>) -> PairSelection {
        selectPairs(in: batch) { _, _, _ in true }
    }
}

/// Pairs that break a margin: positives beyond one distance, negatives within another.
public struct MarginViolations: PairMiner {
    public var positivesBeyond: Double
    public var negativesWithin: Double

    public init(positivesBeyond: Double, negativesWithin: Double) {
        self.positivesBeyond = positivesBeyond
        self.negativesWithin = negativesWithin
    }

    public func pairs<Scalar>(in batch: DescriptorBatch<Scalar>) -> PairSelection {
        let beyond = Scalar(positivesBeyond), within = Scalar(negativesWithin)
        return selectPairs(in: batch) { i, j, isPositive in
            isPositive ? batch.distances[i, j] > beyond : batch.distances[i, j] < within
        }
    }
}

/// The ordered pairs of different rows that `keeps` holds for.
func selectPairs<Scalar>(
    in batch: DescriptorBatch<Scalar>, where keeps: (_ i: Int, _ j: Int, _ isPositive: Bool) -> Bool
) -> PairSelection {
    var selection = PairSelection()
    for i in 0..<batch.count {
        for j in 0..<batch.count where i != j {
            let isPositive = batch.labels[i] == batch.labels[j]
            guard keeps(i, j, isPositive) else { continue }
            if isPositive {
                selection.positives.append(IndexPair(i, j))
            } else {
                selection.negatives.append(IndexPair(i, j))
            }
        }
    }
    return selection
}
