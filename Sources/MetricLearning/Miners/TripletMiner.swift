import Kernels

/// An anchor, a row of its class and a row of another.
public struct Triplet: Hashable, Sendable {
    public let anchor: Int
    public let positive: Int
    public let negative: Int
    public init(_ anchor: Int, _ positive: Int, _ negative: Int) {
        self.anchor = anchor
        self.positive = positive
        self.negative = negative
    }
}

/// Chooses the triplets that the triplet loss sees.
public protocol TripletMiner: Sendable {
    func triplets<Scalar>(in batch: DescriptorBatch<Scalar>) -> [Triplet]
}

/// Every triplet of the batch.
public struct AllTriplets: TripletMiner {
    public init() {}

    public func triplets<Scalar>(in batch: DescriptorBatch<Scalar>) -> [Triplet] {
        everyTriplet(of: batch) { _ in true }
    }
}

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

/// For each anchor its farthest positive and its nearest negative (A. Hermans et al., "In Defense of the Triplet Loss",
/// 2017). Ties go to the first row; an anchor without either has no triplet.
public struct BatchHardTriplets: TripletMiner {
    public init() {}

    public func triplets<Scalar>(in batch: DescriptorBatch<Scalar>) -> [Triplet] {
        (0..<batch.count).compactMap { anchor in
            var positive: Int?, negative: Int?
            for j in 0..<batch.count where j != anchor {
                let distance = batch.distances[anchor, j]
                if batch.labels[j] == batch.labels[anchor] {
                    if positive.map({ distance > batch.distances[anchor, $0] }) ?? true { positive = j }
                } else {
                    if negative.map({ distance < batch.distances[anchor, $0] }) ?? true { negative = j }
                }
            }
            guard let positive, let negative else { return nil }
            return Triplet(anchor, positive, negative)
        }
    }
}

private func everyTriplet<Scalar>(of batch: DescriptorBatch<Scalar>, where keeps: (Triplet) -> Bool) -> [Triplet] {
    var triplets: [Triplet] = []
    let rows = 0..<batch.count
    for anchor in rows {
        let negatives = rows.filter { batch.labels[$0] != batch.labels[anchor] }
        for positive in rows where positive != anchor && batch.labels[positive] == batch.labels[anchor] {
            for negative in negatives {
                let triplet = Triplet(anchor, positive, negative)
                if keeps(triplet) { triplets.append(triplet) }
            }
        }
    }
    return triplets
}
