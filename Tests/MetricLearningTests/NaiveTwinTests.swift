import Kernels
import Testing

@testable import MetricLearning

@Suite("Losses agree with their naive twins")
struct NaiveTwinTests {
    static let shapes: [(classes: Int, images: Int, dimension: Int, scatter: Double)] = [
        (6, 6, 5, 0.9), (8, 7, 16, 0.4), (7, 6, 3, 2.0),
    ]

    private func value(_ loss: some MetricLoss, _ batch: SyntheticBatch) throws -> Double {
        try loss.evaluate(descriptors: batch.descriptors, labels: batch.labels).value
    }

    @Test(arguments: 0..<3, [UInt64(11), 12]) func rivals(shape: Int, seed: UInt64) throws {
        let (classes, images, dimension, scatter) = Self.shapes[shape]
        let batch = SyntheticBatch(classes: classes, images: images, dimension: dimension, scatter: scatter, seed: seed)
        let naive = NaiveLosses(batch)
        #expect(try abs(value(ContrastiveLoss(positiveMargin: 0.1, negativeMargin: 1.2), batch) - naive.contrastive(0.1, 1.2)) < 1e-10)
        #expect(try abs(value(TripletLoss.semiHard(margin: 0.2), batch) - naive.semiHardTriplet(0.2)) < 1e-10)
        #expect(try abs(value(TripletLoss.batchHard(margin: 0.2), batch) - naive.batchHardTriplet(0.2)) < 1e-10)
        #expect(try abs(value(RankedListLoss(positiveTemperature: 2), batch) - naive.rankedList(1.2, 0.4, 0.5, 2, 10)) < 1e-10)
        #expect(try abs(value(MultiSimilarityLoss(), batch) - naive.multiSimilarity(2, 50, 0.5, epsilon: 0.1)) < 1e-10)
    }

    /// Every part taken away alone, none, and every part alone.
    static let ablations: [DCLParameters.Components] = {
        let single = (0..<7).map { DCLParameters.Components(rawValue: 1 << $0) }
        return [.all] + single.map { DCLParameters.Components.all.subtracting($0) } + single
    }()

    @Test(arguments: 0..<3, DCLParameters.BalanceDirection.allCases)
    func distributionConsistency(shape: Int, direction: DCLParameters.BalanceDirection) throws {
        let (classes, images, dimension, scatter) = Self.shapes[shape]
        let batch = SyntheticBatch(classes: classes, images: images, dimension: dimension, scatter: scatter, seed: 21)
        let naive = NaiveLosses(batch), centroids = try batch.centroids
        for components in Self.ablations {
            var parameters = DCLParameters()
            parameters.direction = direction
            parameters.components = components
            let loss = try DistributionConsistencyLoss(parameters, centroids: centroids)
            #expect(
                try abs(value(loss, batch) - naive.distributionConsistency(parameters)) < 1e-10, "\(components.rawValue)")
        }
    }

    @Test func everyPartOfDCLMatters() throws {
        let batch = SyntheticBatch(classes: 6, images: 6, dimension: 5, seed: 31)
        let whole = try value(DistributionConsistencyLoss(centroids: batch.centroids), batch)
        for index in 0..<7 {
            var parameters = DCLParameters()
            parameters.components.remove(DCLParameters.Components(rawValue: 1 << index))
            let without = try value(DistributionConsistencyLoss(parameters, centroids: batch.centroids), batch)
            #expect(abs(whole - without) > 1e-6, "component \(index)")
        }
    }

    @Test func theTwoDirectionsWeighTogetherTwo() throws {
        let batch = SyntheticBatch(classes: 6, images: 6, dimension: 5, seed: 41)
        let geometry = try DescriptorBatch(descriptors: batch.descriptors, labels: batch.labels)
        var easy = DCLParameters()
        easy.direction = .easyToHard
        let first = try DistributionConsistencyLoss(centroids: batch.centroids).select(in: geometry)
        let second = try DistributionConsistencyLoss(easy, centroids: batch.centroids).select(in: geometry)
        for (a, b) in zip(first, second) { #expect(abs(a.positiveWeight + b.positiveWeight - 2) < 1e-12) }
    }
}
