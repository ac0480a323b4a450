import Kernels

/// An anchor and another row of the batch.
public struct IndexPair: Hashable, Sendable {
    public let anchor: Int
    public let other: Int
    public init(_ anchor: Int, _ other: Int) {
        self.anchor = anchor
        self.other = other
    }
}

/// Ordered pairs of one class, and of two; grouped by anchor, ascending.
public struct PairSelection: Hashable, Sendable {
    public var positives: [IndexPair] = []
    public var negatives: [IndexPair] = []
    public init(positives: [IndexPair] = [], negatives: [IndexPair] = []) {
        self.positives = positives
        self.negatives = negatives
    }
}

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

/// The informative pairs of X. Wang et al., "Multi-Similarity Loss with General Pair Weighting" (CVPR 2019), eq. 12–13:
/// negatives more similar than the least similar positive minus ε, positives less similar than the most similar negative
/// plus ε. An anchor without a positive keeps no negative, one without a negative no positive.
public struct MultiSimilarityMiner: PairMiner {
    public var epsilon: Double

    public init(epsilon: Double = 0.1) { self.epsilon = epsilon }

    public func pairs<Scalar>(in batch: DescriptorBatch<Scalar>) -> PairSelection {
        let n = batch.count, epsilon = Scalar(epsilon)
        var leastPositive = [Scalar](repeating: .infinity, count: n), mostNegative = [Scalar](repeating: -.infinity, count: n)
        for i in 0..<n {
            for j in 0..<n where i != j {
                if batch.labels[i] == batch.labels[j] {
                    leastPositive[i] = min(leastPositive[i], batch.similarities[i, j])
                } else {
                    mostNegative[i] = max(mostNegative[i], batch.similarities[i, j])
                }
            }
        }
        return selectPairs(in: batch) { i, j, isPositive in
            isPositive
                ? batch.similarities[i, j] - epsilon < mostNegative[i]
                : batch.similarities[i, j] + epsilon > leastPositive[i]
        }
    }
}

private func selectPairs<Scalar>(
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
