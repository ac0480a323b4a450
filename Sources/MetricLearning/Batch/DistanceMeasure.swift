import Kernels

/// What a loss or a miner reads a pair by.
public enum DistanceMeasure: String, Hashable, Sendable, Codable, CaseIterable {
    /// ‖f_i − f_j‖, 0…2.
    case euclidean
    /// ‖f_i − f_j‖², 0…4.
    case squaredEuclidean
    /// f_i · f_j, −1…1: larger is nearer.
    case cosineSimilarity

    /// Whether larger values are nearer.
    public var isSimilarity: Bool { self == .cosineSimilarity }

    /// The measure of rows i and j.
    @inline(__always)
    func value<Scalar>(_ batch: DescriptorBatch<Scalar>, _ i: Int, _ j: Int) -> Scalar {
        switch self {
        case .euclidean: return batch.distances[i, j]
        case .squaredEuclidean:
            let distance = batch.distances[i, j]
            return distance * distance
        case .cosineSimilarity: return batch.similarities[i, j]
        }
    }

    /// ∂measure/∂s_ij: d = √(2 − 2s), so ∂d/∂s = −1/d, and 0 on the floor, where two descriptors coincide.
    @inline(__always)
    func slope<Scalar>(_ batch: DescriptorBatch<Scalar>, _ i: Int, _ j: Int) -> Scalar {
        switch self {
        case .euclidean:
            let distance = batch.distances[i, j]
            return distance <= DescriptorBatch<Scalar>.distanceFloor ? 0 : -1 / distance
        case .squaredEuclidean:
            return batch.distances[i, j] <= DescriptorBatch<Scalar>.distanceFloor ? 0 : -2
        case .cosineSimilarity: return 1
        }
    }
}
