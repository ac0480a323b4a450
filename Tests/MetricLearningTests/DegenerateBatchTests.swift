import Kernels
import Testing

@testable import MetricLearning

@Suite("Degenerate batches give a finite loss or a clear error")
struct DegenerateBatchTests {
    static let batches: [(name: String, rows: [[Double]], labels: [Int])] = [
        ("one class", [[1, 0, 2], [0, 1, 1], [1, 1, 0]], [5, 5, 5]),
        ("no positives", [[1, 0, 2], [0, 1, 1], [1, 1, 0]], [1, 2, 3]),
        ("duplicates", [[1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3]], [1, 1, 2, 2]),
        ("scaled duplicates", [[1, 2, 3], [3, 6, 9], [0.1, 0.2, 0.3], [7, 14, 21]], [1, 1, 2, 2]),
        ("opposites", [[1, 2, 3], [-1, -2, -3], [1, 2, 3], [-1, -2, -3]], [1, 1, 2, 2]),
        ("a zero row", [[0, 0, 0], [1, 2, 3], [3, 1, 2], [1, 1, 1]], [1, 1, 2, 2]),
        ("all zero", [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]], [1, 1, 2, 2]),
        ("tiny and huge", [[1e-30, 0, 1e-30], [1e15, 2e15, 0], [1e-10, 0, 1e-10], [3, 1, 2]], [1, 1, 2, 2]),
        ("a single row", [[1, 2, 3]], [1]),
        ("nothing", [], []),
    ]

    private func losses(_ z: Matrix<Double>, _ labels: [Int]) throws -> [any MetricLoss] {
        var small = DCLParameters()
        small.acceptsSmallBatches = true
        // Two more classes, so that a batch of one class has a centroid table to be ranked by.
        var centroids = ClassCentroids.Accumulator()
        try centroids.add(z, labels: labels)
        try centroids.add(Matrix<Double>([[1, 0, 0], [0, 1, 0]]), labels: [100, 101])
        return [
            ContrastiveLoss(positiveMargin: 0.1, negativeMargin: 1.2),
            ContrastiveLoss(measure: .squaredEuclidean, reducer: .mean),
            ContrastiveLoss(positiveMargin: 1, negativeMargin: 0, measure: .cosineSimilarity),
            TripletLoss.semiHard(), TripletLoss.batchHard(), TripletLoss(miner: AllTriplets()),
            RankedListLoss(), RankedListLoss(differentiatesWeights: false), MultiSimilarityLoss(),
            MultiSimilarityLoss(miner: AllPairs()),
            try DistributionConsistencyLoss(small, centroids: centroids.finish()),
        ]
    }

    private func expectFinite<Scalar>(
        _ loss: some MetricLoss, _ z: Matrix<Scalar>, _ labels: [Int], _ name: String
    ) throws {
        let result = try loss.evaluate(descriptors: z, labels: labels)
        #expect(result.value.isFinite && result.value >= 0, "\(name): \(loss)")
        #expect(result.gradient.elements.allSatisfy { $0.isFinite }, "\(name): \(loss)")
    }

    @Test(arguments: 0..<10) func lossAndGradientAreFinite(index: Int) throws {
        let (name, rows, labels) = Self.batches[index]
        let z = rows.isEmpty ? Matrix<Double>(rows: 0, columns: 3) : Matrix(rows)
        for loss in try losses(z, labels) {
            try expectFinite(loss, z, labels, name)
            try expectFinite(loss, z.converted(to: Float.self), labels, name)
        }
    }

    @Test func withoutPairsTheLossIsZero() throws {
        let z = Matrix<Double>([[1, 0, 0], [0, 1, 0], [0, 0, 1]])  // √2 apart: beyond every margin
        for loss in try losses(z, [1, 2, 3]) where !(loss is MultiSimilarityLoss) {
            let result = try loss.evaluate(descriptors: z, labels: [1, 2, 3])
            if loss is DistributionConsistencyLoss { continue }  // its class order still asks equidistant classes to spread
            #expect(result.value == 0 && result.gradient.elements.allSatisfy { $0 == 0 }, "\(loss)")
        }
    }

    @Test func coincidingDescriptorsPushNeitherWay() throws {
        let z = Matrix<Float>([[1, 2, 3], [2, 4, 6], [1, 2, 3], [5, 10, 15]])
        let result = try ContrastiveLoss(negativeMargin: 1.2).evaluate(descriptors: z, labels: [1, 1, 2, 2])
        #expect(result.gradient.elements.allSatisfy { $0 == 0 })
        #expect(abs(result.value - 1.2) < 1e-5)
    }

    @Test func aZeroDescriptorGetsNoGradient() throws {
        let z = Matrix<Double>([[0, 0, 0], [1, 2, 3], [3, 1, 2], [1, 1, 1]])
        let result = try ContrastiveLoss(negativeMargin: 1.2).evaluate(descriptors: z, labels: [1, 1, 2, 2])
        #expect(result.gradient.row(0).allSatisfy { $0 == 0 })
        #expect(result.gradient.elements.contains { $0 != 0 })
    }

    @Test func theGradientIsTangential() throws {
        let batch = SyntheticBatch(classes: 6, images: 6, dimension: 9, seed: 4)
        let result = try DistributionConsistencyLoss(centroids: batch.centroids)
            .evaluate(descriptors: batch.descriptors, labels: batch.labels)
        for row in 0..<36 {
            let along = zip(result.gradient.row(row), batch.descriptors.row(row)).reduce(0) { $0 + $1.0 * $1.1 }
            #expect(abs(along) < 1e-12)
        }
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity]) func nonFiniteDescriptorsAreNamed(value: Double) throws {
        let z = Matrix<Double>([[1, 2], [3, value]])
        let error = #expect(throws: MetricLearningError.self) { try DescriptorBatch(descriptors: z, labels: [1, 2]) }
        #expect(error?.description.contains("descriptor 1, component 1") == true)
    }

    @Test func labelsMustMatch() {
        #expect(throws: MetricLearningError.self) { try DescriptorBatch(descriptors: Matrix<Float>([[1, 2]]), labels: [1, 2]) }
    }

    @Test(arguments: [(5, 6), (6, 5)]) func aBatchUnderSixBySixIsAnErrorForDCL(classes: Int, images: Int) throws {
        let batch = SyntheticBatch(classes: classes, images: images, dimension: 5, seed: 5)
        let loss = try DistributionConsistencyLoss(centroids: batch.centroids)
        let error = #expect(throws: MetricLearningError.self) {
            try loss.evaluate(descriptors: batch.descriptors, labels: batch.labels)
        }
        #expect(error?.description.contains("6 × 6") == true)
    }

    @Test func aClassWithoutACentroidIsNamed() throws {
        let batch = SyntheticBatch(classes: 6, images: 6, dimension: 5, seed: 6)
        let loss = try DistributionConsistencyLoss(centroids: batch.centroids)
        let error = #expect(throws: MetricLearningError.self) {
            try loss.evaluate(descriptors: batch.descriptors, labels: batch.labels.map { $0 + 1 })
        }
        #expect(error?.description.contains("class 4") == true)
    }

    @Test func marginsThatTheClassesCannotKeepAreRefused() throws {
        let batch = SyntheticBatch(classes: 30, images: 2, dimension: 5, seed: 7)
        var parameters = DCLParameters()
        parameters.rankSpacing = 0.06  // 1.2 + 0.24 > √(60/29) = 1.4384
        let error = #expect(throws: MetricLearningError.self) {
            try DistributionConsistencyLoss(parameters, centroids: batch.centroids)
        }
        #expect(error?.description.contains("30 classes") == true)
        parameters.rankSpacing = 0.05
        #expect(throws: Never.self) { try DistributionConsistencyLoss(parameters, centroids: batch.centroids) }
    }
}
