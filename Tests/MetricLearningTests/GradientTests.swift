import Testing

@testable import MetricLearning

@Suite("Gradients agree with finite differences in fp64 to 1e-6")
struct GradientTests {
    static let seeds: [UInt64] = [1, 2, 3]

    private func expectAgreement<Loss: MetricLoss>(
        _ loss: Loss, _ batch: SyntheticBatch, _ location: SourceLocation = #_sourceLocation
    ) throws {
        let (error, kinks, compared, largest) = try finiteDifferenceError(loss, batch)
        #expect(error <= 1e-6, sourceLocation: location)
        #expect(compared > 0 && kinks * 20 < compared, "\(kinks) kinks, \(compared) compared", sourceLocation: location)
        #expect(largest > 1e-4, "the batch does not exercise the loss", sourceLocation: location)
    }

    @Test(arguments: seeds) func contrastive(seed: UInt64) throws {
        let batch = SyntheticBatch(classes: 4, images: 4, dimension: 7, seed: seed)
        for measure in DistanceMeasure.allCases {
            for reducer in Reducer.allCases {
                try expectAgreement(
                    ContrastiveLoss(
                        positiveMargin: measure.isSimilarity ? 1 : 0.1, negativeMargin: measure.isSimilarity ? 0 : 1.3,
                        measure: measure, reducer: reducer), batch)
            }
        }
    }

    @Test(arguments: seeds) func triplet(seed: UInt64) throws {
        let batch = SyntheticBatch(classes: 4, images: 4, dimension: 7, seed: seed)
        for measure in DistanceMeasure.allCases {
            try expectAgreement(TripletLoss(margin: 0.3, measure: measure, miner: AllTriplets()), batch)
            try expectAgreement(
                TripletLoss(margin: 0.3, measure: measure, miner: SemiHardTriplets(margin: 0.3, measure: measure)), batch)
        }
        try expectAgreement(TripletLoss.batchHard(margin: 0.5), batch)
    }

    @Test(arguments: seeds) func rankedList(seed: UInt64) throws {
        let batch = SyntheticBatch(classes: 5, images: 4, dimension: 7, seed: seed)
        for through in [true, false] {
            try expectAgreement(RankedListLoss(positiveTemperature: 3, differentiatesWeights: through), batch)
        }
    }

    @Test(arguments: seeds) func multiSimilarity(seed: UInt64) throws {
        let batch = SyntheticBatch(classes: 5, images: 4, dimension: 7, seed: seed)
        try expectAgreement(MultiSimilarityLoss(), batch)
        try expectAgreement(MultiSimilarityLoss(miner: AllPairs()), batch)
    }

    @Test(arguments: seeds, DCLParameters.BalanceDirection.allCases)
    func distributionConsistency(seed: UInt64, direction: DCLParameters.BalanceDirection) throws {
        let batch = SyntheticBatch(classes: 6, images: 6, dimension: 5, seed: seed)
        var parameters = DCLParameters()
        parameters.direction = direction
        try expectAgreement(DistributionConsistencyLoss(parameters, centroids: batch.centroids), batch)
    }

    /// Each part of DCL taken away, in turn: the gradient follows the switches.
    @Test(arguments: 0..<7) func distributionConsistencyAblated(component: Int) throws {
        let batch = SyntheticBatch(classes: 6, images: 6, dimension: 5, seed: 5)
        var parameters = DCLParameters()
        parameters.components.remove(DCLParameters.Components(rawValue: 1 << component))
        try expectAgreement(DistributionConsistencyLoss(parameters, centroids: batch.centroids), batch)
    }
}
