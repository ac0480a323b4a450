import Kernels

/// A batch of descriptors z with their classes, and the geometry that every loss of the batch shares: the unit
/// descriptors f = z/‖z‖, their inner products and their Euclidean distances, each computed once.
///
/// A zero descriptor has no direction: its f is zero, and so is its gradient.
public struct DescriptorBatch<Scalar: LinearAlgebraScalar>: Sendable {
    /// One class per row.
    public let labels: [Int]
    /// f: n × dimension, rows of length 1 (or 0).
    public let unit: Matrix<Scalar>
    /// 1/‖z‖ per row; 0 for a zero descriptor.
    public let inverseLengths: [Scalar]
    /// s_ij = f_i · f_j, n × n.
    public let similarities: Matrix<Scalar>
    /// d_ij = ‖f_i − f_j‖, n × n; zero on the diagonal, at least `distanceFloor` elsewhere.
    public let distances: Matrix<Scalar>

    /// The least distance between two different rows (d² is clamped at 1e-12), where the gradient of a distance is 0.
    public static var distanceFloor: Scalar { 1e-6 }

    public var count: Int { labels.count }

    /// - Parameter descriptors: z, n × dimension, not normalised.
    /// - Throws: `MetricLearningError` when a value is not finite or the numbers of rows and labels differ.
    public init(descriptors z: Matrix<Scalar>, labels: [Int]) throws(MetricLearningError) {
        guard z.rows == labels.count else {
            throw MetricLearningError(
                operation: "measure a batch", subject: "\(z.rows) descriptors", reason: "there are \(labels.count) labels")
        }
        if let bad = z.elements.firstIndex(where: { !$0.isFinite }) {
            throw MetricLearningError(
                operation: "measure a batch", subject: "descriptor \(bad / z.columns), component \(bad % z.columns)",
                reason: "the value is \(z.elements[bad])")
        }
        let n = z.rows
        let inverse = (0..<n).map { inverseLength(of: z.row($0)) }
        var unit = z
        for row in 0..<n {
            for index in row * z.columns..<(row + 1) * z.columns { unit.elements[index] *= inverse[row] }
        }
        var similarities = Matrix<Scalar>(rows: n, columns: n)
        matrixMultiply(
            &similarities.elements, unit.elements, unit.elements, rows: n, inner: z.columns, columns: n, transposeB: true)
        self.labels = labels
        self.unit = unit
        self.inverseLengths = inverse
        self.similarities = similarities
        self.distances = euclideanDistances(similarities, unit: unit, squaredLengths: inverse.map { $0 == 0 ? 0 : 1 })
    }

    /// ∂L/∂z from ∂L/∂s: ∂L/∂f = (G + Gᵀ) f, then ∂L/∂z = (I − f fᵀ)(∂L/∂f)/‖z‖.
    ///
    /// Losses of distances come through here too: d² = 2 − 2s, and the terms in which this differs from the gradient of
    /// ‖f_i − f_j‖ lie along f, where the projection removes them.
    public func gradient(ofSimilarities dSimilarities: Matrix<Scalar>) -> Matrix<Scalar> {
        let n = count, dimension = unit.columns
        precondition(dSimilarities.rows == n && dSimilarities.columns == n, "gradient: not \(n)×\(n)")
        var symmetric = dSimilarities
        for i in 0..<n {
            for j in 0..<n { symmetric[i, j] = dSimilarities[i, j] + dSimilarities[j, i] }
        }
        var gradient = Matrix<Scalar>(rows: n, columns: dimension)
        matrixMultiply(
            &gradient.elements, symmetric.elements, unit.elements, rows: n, inner: n, columns: dimension)
        for i in 0..<n {
            let range = i * dimension..<(i + 1) * dimension
            var radial: Scalar = 0
            for index in range { radial += gradient.elements[index] * unit.elements[index] }
            for index in range {
                gradient.elements[index] = (gradient.elements[index] - radial * unit.elements[index]) * inverseLengths[i]
            }
        }
        return gradient
    }
}

/// d_ij from |f_i|² + |f_j|² − 2s_ij, and from the difference itself where that cancels.
@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
private func euclideanDistances<Scalar: LinearAlgebraScalar>(
    _ similarities: Matrix<Scalar>, unit: Matrix<Scalar>, squaredLengths: [Scalar]
) -> Matrix<Scalar> {
    let n = similarities.rows, dimension = unit.columns
    // Below this the expansion has lost half of its digits: d² of 0.01 is known to 1e-5 in fp32.
    let cancelling: Scalar = 0.01
    let floor: Scalar = 1e-12
    var distances = Matrix<Scalar>(rows: n, columns: n)
    for i in 0..<n {
        for j in 0..<i {
            var squared = squaredLengths[i] + squaredLengths[j] - 2 * similarities.elements[i * n + j]
            if squared < cancelling {
                squared = 0
                for k in 0..<dimension {
                    let difference = unit.elements[i * dimension + k] - unit.elements[j * dimension + k]
                    squared += difference * difference
                }
            }
            let distance = max(squared, floor).squareRoot()
            distances.elements[i * n + j] = distance
            distances.elements[j * n + i] = distance
        }
    }
    return distances
}
