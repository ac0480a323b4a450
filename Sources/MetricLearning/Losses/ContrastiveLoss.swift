import Kernels

/// The contrastive loss (R. Hadsell et al., CVPR 2006, with the hinge not squared, as metric-learning libraries have it):
/// max(0, d − positiveMargin) over positives plus max(0, negativeMargin − d) over negatives, reduced apart. With
/// a similarity the signs turn round.
public struct ContrastiveLoss: MetricLoss {
    public var positiveMargin: Double
    public var negativeMargin: Double
    public var measure: DistanceMeasure
    public var miner: any PairMiner
    public var reducer: Reducer

    public init(
        positiveMargin: Double = 0, negativeMargin: Double = 1, measure: DistanceMeasure = .euclidean,
        miner: any PairMiner = AllPairs(), reducer: Reducer = .meanOfNonZero
    ) {
        self.positiveMargin = positiveMargin
        self.negativeMargin = negativeMargin
        self.measure = measure
        self.miner = miner
        self.reducer = reducer
    }

    public func select<Scalar>(in batch: DescriptorBatch<Scalar>) -> PairSelection { miner.pairs(in: batch) }

    public func terms<Scalar>(of batch: DescriptorBatch<Scalar>, over selection: PairSelection) -> [LossTerm<Scalar>] {
        let attract: Scalar = measure.isSimilarity ? -1 : 1
        return [
            hinge("positives", selection.positives, sign: attract, margin: Scalar(positiveMargin), batch),
            hinge("negatives", selection.negatives, sign: -attract, margin: Scalar(negativeMargin), batch),
        ]
    }

    /// max(0, sign · (measure − margin)) per pair.
    private func hinge<Scalar>(
        _ name: String, _ pairs: [IndexPair], sign: Scalar, margin: Scalar, _ batch: DescriptorBatch<Scalar>
    ) -> LossTerm<Scalar> {
        var term = LossTerm<Scalar>(name)
        for (element, pair) in pairs.enumerated() {
            let value = sign * (measure.value(batch, pair.anchor, pair.other) - margin)
            term.values.append(max(0, value))
            guard value > 0 else { continue }
            term.depend(
                element, onSimilarity: pair.anchor, pair.other, by: sign * measure.slope(batch, pair.anchor, pair.other))
        }
        return term
    }
}
