import Kernels

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

/// The triplets that `keeps` holds for, by anchor, positive and negative.
func everyTriplet<Scalar>(of batch: DescriptorBatch<Scalar>, where keeps: (Triplet) -> Bool) -> [Triplet] {
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
