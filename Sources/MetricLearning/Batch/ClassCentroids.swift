import Kernels

/// Where the classes lie: the mean of each class's unit descriptors, and the distances between those means. DCL ranks
/// classes by them; they are computed once per epoch and then held fixed.
public struct ClassCentroids: Sendable, Hashable {
    /// The classes, ascending.
    public let labels: [Int]
    /// Descriptors behind each centroid.
    public let counts: [Int]
    /// One mean per class; not normalised again.
    public let centroids: Matrix<Double>
    private let distances: Matrix<Double>
    private let positions: [Int: Int]

    /// Sums up batches of an epoch, so that the whole set of descriptors is never held.
    public struct Accumulator: Sendable {
        private var sums: [Int: (sum: [Double], count: Int)] = [:]

        public init() {}

        /// Adds descriptors z (n × dimension, not normalised) and their classes. Zero descriptors count and add nothing.
        public mutating func add<Scalar>(_ descriptors: Matrix<Scalar>, labels: [Int]) throws(MetricLearningError) {
            guard descriptors.rows == labels.count else {
                throw MetricLearningError(
                    operation: "compute class centroids", subject: "\(descriptors.rows) descriptors",
                    reason: "there are \(labels.count) labels")
            }
            for (row, label) in labels.enumerated() {
                let z = descriptors.row(row)
                guard z.allSatisfy(\.isFinite) else {
                    throw MetricLearningError(
                        operation: "compute class centroids", subject: "descriptor \(row)", reason: "a value is not finite")
                }
                var entry = sums[label] ?? (Array(repeating: 0, count: descriptors.columns), 0)
                guard entry.sum.count == z.count else {
                    throw MetricLearningError(
                        operation: "compute class centroids", subject: "class \(label)",
                        reason: "descriptors of \(entry.sum.count) and of \(z.count) components")
                }
                let length = z.reduce(into: 0.0) { $0 += Double($1) * Double($1) }.squareRoot()
                if length >= shortestLength {
                    for (k, value) in z.enumerated() { entry.sum[k] += Double(value) / length }
                }
                entry.count += 1
                sums[label] = entry
            }
        }

        public func finish() -> ClassCentroids {
            let labels = sums.keys.sorted()
            return ClassCentroids(
                labels: labels, counts: labels.map { sums[$0]!.count },
                centroids: Matrix(labels.map { label in sums[label]!.sum.map { $0 / Double(sums[label]!.count) } }))
        }
    }

    /// Of descriptors z (n × dimension, not normalised) and their classes.
    public init<Scalar>(descriptors: Matrix<Scalar>, labels: [Int]) throws(MetricLearningError) {
        var accumulator = Accumulator()
        try accumulator.add(descriptors, labels: labels)
        self = accumulator.finish()
    }

    /// Of means that are known.
    /// - Parameters: one value, count and row per class; labels ascending.
    public init(labels: [Int], counts: [Int], centroids: Matrix<Double>) {
        precondition(labels.count == counts.count && labels.count == centroids.rows, "ClassCentroids: sizes differ")
        self.labels = labels
        self.counts = counts
        self.centroids = centroids
        positions = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
        var distances = Matrix<Double>(rows: labels.count, columns: labels.count)
        for i in labels.indices {
            for j in 0..<i {
                let squared = zip(centroids.row(i), centroids.row(j)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
                distances[i, j] = squared.squareRoot()
                distances[j, i] = distances[i, j]
            }
        }
        self.distances = distances
    }

    /// The distance between two classes' centroids; nil when either class is unknown.
    public func distance(between a: Int, and b: Int) -> Double? {
        guard let i = positions[a], let j = positions[b] else { return nil }
        return distances[i, j]
    }
}
