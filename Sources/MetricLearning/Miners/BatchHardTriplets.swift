import Kernels

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
