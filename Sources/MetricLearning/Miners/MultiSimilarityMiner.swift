import Kernels

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
