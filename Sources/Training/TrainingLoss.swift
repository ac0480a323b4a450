import MetricLearning

/// The losses that can train, by name.
public enum TrainingLoss: String, CaseIterable, Hashable, Sendable, Codable {
    case dcl
    case contrastive
    case tripletSemiHard = "triplet-semihard"
    case tripletBatchHard = "triplet-batchhard"
    case rankedList = "ranked-list"
    case multiSimilarity = "multi-similarity"

    /// The loss and its gradient over a batch.
    /// - Parameter centroids: of the classes, frozen for the epoch; DCL ranks by them.
    func evaluate(
        _ descriptors: Matrix<Float>, labels: [Int], dcl: DCLParameters, centroids: ClassCentroids
    ) throws(MetricLearningError) -> LossResult<Float> {
        switch self {
        case .dcl:
            try DistributionConsistencyLoss(dcl, centroids: centroids).evaluate(descriptors: descriptors, labels: labels)
        case .contrastive: try ContrastiveLoss().evaluate(descriptors: descriptors, labels: labels)
        case .tripletSemiHard: try TripletLoss.semiHard().evaluate(descriptors: descriptors, labels: labels)
        case .tripletBatchHard: try TripletLoss.batchHard().evaluate(descriptors: descriptors, labels: labels)
        case .rankedList: try RankedListLoss().evaluate(descriptors: descriptors, labels: labels)
        case .multiSimilarity: try MultiSimilarityLoss().evaluate(descriptors: descriptors, labels: labels)
        }
    }

    /// The least batch that it is defined on.
    func leastBatch(_ dcl: DCLParameters) -> BatchShape {
        self == .dcl ? dcl.leastBatch : BatchShape(classes: 2, imagesPerClass: 2)
    }
}
