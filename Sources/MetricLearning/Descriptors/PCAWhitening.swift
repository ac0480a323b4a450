import Kernels

/// A projection on principal directions, with each scaled to unit variance where it whitens (H. Jégou, O. Chum, "Negative
/// evidences and co-occurences in image retrieval", ECCV 2012). Computed in fp64.
public struct PCAWhitening: Hashable, Sendable, Codable {
    /// dimension values.
    public let mean: [Double]
    /// Unit principal directions, components × dimension, by falling variance. Of each the component of largest magnitude
    /// is positive.
    public let directions: Matrix<Double>
    /// Variance along each direction (over n − 1), falling.
    public let variances: [Double]
    public let whitens: Bool
    /// How many directions the fitted descriptors vary in; what lies beyond has no variance but rounding.
    public let rank: Int
    /// Added to every variance before whitening, so that weak directions are not blown up.
    public let ridge: Double

    public var components: Int { directions.rows }

    /// - Parameters:
    ///   - descriptors: n × dimension; the training set's, never the test set's.
    ///   - components: how many directions to keep; all that the data have when nil.
    ///   - whitens: whether directions are scaled to unit variance, or only rotated.
    /// - Throws: `MetricLearningError` for under two descriptors, a value that is not finite, or more components than the data
    ///   have directions (unless `ridge` is positive, or nothing is whitened); `KernelError` from LAPACK.
    public init<Scalar>(
        fitting descriptors: Matrix<Scalar>, components: Int? = nil, whitens: Bool = true, ridge: Double = 0
    ) throws {
        func refuse(_ subject: String, _ reason: String) -> MetricLearningError {
            MetricLearningError(operation: "fit a PCA", subject: subject, reason: reason)
        }
        let n = descriptors.rows, dimension = descriptors.columns
        guard n >= 2, dimension >= 1 else { throw refuse("\(n) × \(dimension)", "two descriptors are the least") }
        guard descriptors.elements.allSatisfy(\.isFinite) else { throw refuse("\(n) × \(dimension)", "a value is not finite") }
        guard ridge >= 0, ridge.isFinite else { throw refuse("ridge \(ridge)", "it must be finite and not negative") }
        var centred = descriptors.elements.map { Double($0) }
        var mean = [Double](repeating: 0, count: dimension)
        for row in 0..<n { for k in 0..<dimension { mean[k] += centred[row * dimension + k] } }
        for k in 0..<dimension { mean[k] /= Double(n) }
        for row in 0..<n { for k in 0..<dimension { centred[row * dimension + k] -= mean[k] } }
        var covariance = [Double](repeating: 0, count: dimension * dimension)
        matrixMultiply(
            &covariance, centred, centred, rows: dimension, inner: n, columns: dimension, transposeA: true,
            scale: 1 / Double(n - 1))
        let eigen = try SymmetricEigen(covariance, order: dimension)
        // Rounding leaves directions without variance at about ε times the largest, of either sign.
        let least = max(0, eigen.values.last ?? 0) * Double(dimension) * 0x1p-52
        rank = eigen.values.count { $0 > least }
        let kept = components ?? (whitens && ridge == 0 ? rank : dimension)
        guard kept >= 1, kept <= dimension else {
            throw refuse("\(kept) components", "descriptors have \(dimension), and \(rank) directions with variance")
        }
        guard kept <= rank || !whitens || ridge > 0 else {
            throw refuse("\(kept) components", "only \(rank) directions of \(n) descriptors have variance")
        }
        let order = (0..<kept).map { dimension - 1 - $0 }
        self.mean = mean
        directions = Matrix(rows: dimension, columns: dimension, elements: eigen.vectors).selecting(order)
        variances = order.map { max(0, eigen.values[$0]) }
        self.whitens = whitens
        self.ridge = ridge
    }

    /// Projects descriptors (n × dimension) to n × components. Traps on another dimension.
    /// - Parameter normalises: whether every row is scaled to unit length afterwards, as descriptors are for search.
    public func transform<Scalar>(_ descriptors: Matrix<Scalar>, normalises: Bool = true) -> Matrix<Scalar> {
        let dimension = mean.count
        precondition(descriptors.columns == dimension, "PCAWhitening: \(descriptors.columns) components, not \(dimension)")
        var centred = descriptors.elements.map { Double($0) }
        for row in 0..<descriptors.rows { for k in 0..<dimension { centred[row * dimension + k] -= mean[k] } }
        var projected = Matrix<Double>(rows: descriptors.rows, columns: components)
        matrixMultiply(
            &projected.elements, centred, directions.elements, rows: descriptors.rows, inner: dimension,
            columns: components, transposeB: true)
        if whitens {
            let scales = variances.map { 1 / ($0 + ridge).squareRoot() }
            for row in 0..<descriptors.rows { for k in 0..<components { projected[row, k] *= scales[k] } }
        }
        return (normalises ? projected.normalisedRows() : projected).converted()
    }
}
