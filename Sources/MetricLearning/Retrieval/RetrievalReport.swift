/// What one query found.
public struct QueryScores: Hashable, Sendable, Codable {
    /// Relevant gallery rows, the query's own excluded.
    public let relevant: Int
    /// nil when nothing is relevant.
    public let averagePrecision: Double?
    public let nmrr: Double?
    /// The rank of the first relevant answer, from 1.
    public let firstRelevantRank: Int?
    /// The nearest gallery row; nil when the query's own was the only one.
    public let nearest: Int?
}

/// The scores of a retrieval task.
public struct RetrievalReport: Sendable, Codable {
    public struct ClassScores: Hashable, Sendable, Codable {
        public let label: Int
        public let scores: RetrievalScores
    }

    public let overall: RetrievalScores
    /// Of the queries of each class, ascending by class; classes without a relevant answer are absent.
    public let perClass: [ClassScores]
    /// By query, in the task's order.
    public let queries: [QueryScores]
    /// Queries of classes that the gallery lacks; in no mean.
    public let queriesWithoutRelevant: Int
    /// True class × class of the nearest gallery row.
    public let nearestConfusion: ConfusionMatrix
    /// True class × class that most of the k nearest have, ties to the class that comes first in the ranking.
    public let neighbourConfusion: ConfusionMatrix
}
