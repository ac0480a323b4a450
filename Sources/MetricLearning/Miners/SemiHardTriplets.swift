import Kernels

/// Semi-hard triplets (F. Schroff et al., "FaceNet", CVPR 2015): the negative is farther than the positive, by no more
/// than the margin.
public struct SemiHardTriplets: TripletMiner {
    public var margin: Double
    public var measure: DistanceMeasure

    public init(margin: Double = 0.2, measure: DistanceMeasure = .euclidean) {
        self.margin = margin
        self.measure = measure
    }

    public func triplets<Scalar>(in batch: DescriptorBatch<Scalar>) -> [Triplet] {
        let margin = Scalar(margin)
        return everyTriplet(of: batch) { triplet in
            let positive: Scalar = measure.value(batch, triplet.anchor, triplet.positive)
            let negative: Scalar = measure.value(batch, triplet.anchor, triplet.negative)
            let gap = measure.isSimilarity ? positive - negative : negative - positive
            return gap > 0 && gap <= margin
        }
    }
}
