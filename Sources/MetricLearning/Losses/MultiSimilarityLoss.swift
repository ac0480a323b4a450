import Foundation
import Kernels

/// The Multi-Similarity loss (X. Wang et al., CVPR 2019, eq. 15), per anchor
/// (1/α) log(1 + Σ_P exp(−α(s − base))) + (1/β) log(1 + Σ_N exp(β(s − base))), over the pairs of its miner.
public struct MultiSimilarityLoss: MetricLoss {
    public var alpha: Double
    public var beta: Double
    public var base: Double
    public var miner: any PairMiner
    public var reducer: Reducer

    public init(
        alpha: Double = 2, beta: Double = 50, base: Double = 0.5, miner: any PairMiner = MultiSimilarityMiner(),
        reducer: Reducer = .mean
    ) {
        self.alpha = alpha
        self.beta = beta
        self.base = base
        self.miner = miner
        self.reducer = reducer
    }

    public func select<Scalar>(in batch: DescriptorBatch<Scalar>) -> PairSelection { miner.pairs(in: batch) }

    public func terms<Scalar>(of batch: DescriptorBatch<Scalar>, over selection: PairSelection) -> [LossTerm<Scalar>] {
        [
            softplus("positives", selection.positives, sharpness: -alpha, batch),
            softplus("negatives", selection.negatives, sharpness: beta, batch),
        ]
    }

    /// (1/|k|) log(1 + Σ exp(k(s − base))) per anchor, with the largest exponent taken out so that nothing overflows.
    private func softplus<Scalar>(
        _ name: String, _ pairs: [IndexPair], sharpness: Double, _ batch: DescriptorBatch<Scalar>
    ) -> LossTerm<Scalar> {
        var term = LossTerm<Scalar>(name, values: Array(repeating: 0, count: batch.count))
        var start = 0
        while start < pairs.count {
            let anchor = pairs[start].anchor
            var end = start
            while end < pairs.count, pairs[end].anchor == anchor { end += 1 }
            let exponents = pairs[start..<end].map { sharpness * (Double(batch.similarities[anchor, $0.other]) - base) }
            let peak = max(0, exponents.max() ?? 0)
            let terms = exponents.map { exp($0 - peak) }
            let sum = exp(-peak) + terms.reduce(0, +)
            term.values[anchor] = Scalar((peak + log(sum)) / abs(sharpness))
            for (pair, value) in zip(pairs[start..<end], terms) {
                term.depend(anchor, onSimilarity: anchor, pair.other, by: Scalar((sharpness < 0 ? -1 : 1) * value / sum))
            }
            start = end
        }
        return term
    }
}
