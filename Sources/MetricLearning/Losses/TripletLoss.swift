import Kernels

/// The triplet margin loss, max(0, d_ap − d_an + margin), over the triplets of a miner.
public struct TripletLoss: MetricLoss {
    public var margin: Double
    public var measure: DistanceMeasure
    public var miner: any TripletMiner
    public var reducer: Reducer

    public init(
        margin: Double = 0.2, measure: DistanceMeasure = .euclidean, miner: any TripletMiner,
        reducer: Reducer = .meanOfNonZero
    ) {
        self.margin = margin
        self.measure = measure
        self.miner = miner
        self.reducer = reducer
    }

    /// Semi-hard triplets within the loss's margin.
    public static func semiHard(margin: Double = 0.2) -> TripletLoss {
        TripletLoss(margin: margin, miner: SemiHardTriplets(margin: margin))
    }

    /// One triplet per anchor, its hardest.
    public static func batchHard(margin: Double = 0.2) -> TripletLoss {
        TripletLoss(margin: margin, miner: BatchHardTriplets())
    }

    public func select<Scalar>(in batch: DescriptorBatch<Scalar>) -> [Triplet] { miner.triplets(in: batch) }

    public func terms<Scalar>(of batch: DescriptorBatch<Scalar>, over selection: [Triplet]) -> [LossTerm<Scalar>] {
        let sign: Scalar = measure.isSimilarity ? -1 : 1, margin = Scalar(margin)
        var term = LossTerm<Scalar>("triplets")
        for (element, triplet) in selection.enumerated() {
            let (a, p, n) = (triplet.anchor, triplet.positive, triplet.negative)
            let value = sign * (measure.value(batch, a, p) - measure.value(batch, a, n)) + margin
            term.values.append(max(0, value))
            guard value > 0 else { continue }
            term.depend(element, onSimilarity: a, p, by: sign * measure.slope(batch, a, p))
            term.depend(element, onSimilarity: a, n, by: -sign * measure.slope(batch, a, n))
        }
        return [term]
    }
}
