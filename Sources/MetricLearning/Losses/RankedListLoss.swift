import Foundation
import Kernels

/// Ranked List Loss (X. Wang et al., CVPR 2019): positives are pulled inside a ball of radius α − m, negatives pushed
/// beyond α; per anchor (1 − λ) times the weighted mean of d − (α − m) over violating positives plus λ times the weighted
/// mean of α − d over violating negatives, with weights exp(T · violation). An anchor with no violation of a kind
/// contributes 0.
public struct RankedListLoss: MetricLoss {
    public var alpha: Double
    public var margin: Double
    /// λ, the share of the negatives.
    public var balance: Double
    public var positiveTemperature: Double
    public var negativeTemperature: Double
    /// Whether the gradient passes through the weights, as it does in pytorch-metric-learning; otherwise they are
    /// constants of the selection.
    public var differentiatesWeights: Bool
    /// Added, times the batch's rows, to the sum that the weights are divided by. 0 by default: the weights sum to 1.
    /// pytorch-metric-learning has 1e-5, its guard against an empty sum.
    public var denominatorOffset: Double
    public var reducer: Reducer

    public init(
        alpha: Double = 1.2, margin: Double = 0.4, balance: Double = 0.5, positiveTemperature: Double = 0,
        negativeTemperature: Double = 10, differentiatesWeights: Bool = true, denominatorOffset: Double = 0,
        reducer: Reducer = .mean
    ) {
        self.alpha = alpha
        self.margin = margin
        self.balance = balance
        self.positiveTemperature = positiveTemperature
        self.negativeTemperature = negativeTemperature
        self.differentiatesWeights = differentiatesWeights
        self.denominatorOffset = denominatorOffset
        self.reducer = reducer
    }

    /// The violating pairs of one anchor and their weights.
    public struct List: Sendable {
        public let others: [Int]
        public let weights: [Double]
    }

    /// Per anchor its violating positives and negatives.
    public struct Selection: Sendable {
        public let positives: [List]
        public let negatives: [List]
    }

    public func select<Scalar>(in batch: DescriptorBatch<Scalar>) -> Selection {
        let miner = MarginViolations(positivesBeyond: alpha - margin, negativesWithin: alpha)
        let pairs = miner.pairs(in: batch)
        func lists(_ pairs: [IndexPair], _ temperature: Double, violation: (Double) -> Double) -> [List] {
            var others = [[Int]](repeating: [], count: batch.count)
            for pair in pairs { others[pair.anchor].append(pair.other) }
            return others.enumerated().map { anchor, others in
                let violations = others.map { violation(Double(batch.distances[anchor, $0])) }
                return List(others: others, weights: weights(violations, temperature, batch.count))
            }
        }
        return Selection(
            positives: lists(pairs.positives, positiveTemperature) { $0 - (alpha - margin) },
            negatives: lists(pairs.negatives, negativeTemperature) { alpha - $0 })
    }

    public func terms<Scalar>(of batch: DescriptorBatch<Scalar>, over selection: Selection) -> [LossTerm<Scalar>] {
        // Both kinds belong to one element, the anchor, so that the reducer counts anchors as the reference does.
        var term = LossTerm<Scalar>("anchors", values: Array(repeating: 0, count: batch.count))
        for anchor in 0..<batch.count {
            add(selection.positives[anchor], 1 - balance, 1, alpha - margin, positiveTemperature, anchor, batch, &term)
            add(selection.negatives[anchor], balance, -1, alpha, negativeTemperature, anchor, batch, &term)
        }
        return [term]
    }

    private func weights(_ violations: [Double], _ temperature: Double, _ rows: Int) -> [Double] {
        softmax(violations.map { temperature * $0 }, denominatorOffset: denominatorOffset * Double(rows))
    }

    /// share · Σ w v with v = sign · (d − threshold). With weights w = softmax(T v):
    /// ∂(Σ w v)/∂v_j = w_j (1 + T (v_j − Σ w v)).
    private func add<Scalar>(
        _ list: List, _ share: Double, _ sign: Double, _ threshold: Double, _ temperature: Double, _ anchor: Int,
        _ batch: DescriptorBatch<Scalar>, _ term: inout LossTerm<Scalar>
    ) {
        let violations = list.others.map { sign * (Double(batch.distances[anchor, $0]) - threshold) }
        let weights = differentiatesWeights ? self.weights(violations, temperature, batch.count) : list.weights
        let mean = zip(weights, violations).reduce(0) { $0 + $1.0 * $1.1 }
        term.values[anchor] += Scalar(share * mean)
        for (index, other) in list.others.enumerated() {
            let through = differentiatesWeights ? 1 + temperature * (violations[index] - mean) : 1
            let slope = Scalar(share * sign * weights[index] * through)
            term.depend(anchor, onSimilarity: anchor, other, by: slope * DistanceMeasure.euclidean.slope(batch, anchor, other))
        }
    }
}

/// exp(x) / (Σ exp(x) + offset), with the largest exponent taken out; empty for none.
func softmax(_ exponents: [Double], denominatorOffset offset: Double = 0) -> [Double] {
    guard let peak = exponents.max() else { return [] }
    let terms = exponents.map { exp($0 - peak) }
    let sum = terms.reduce(0, +) + (offset == 0 ? 0 : offset * exp(-peak))
    return terms.map { $0 / sum }
}
