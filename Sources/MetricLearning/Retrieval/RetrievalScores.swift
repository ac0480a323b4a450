/// Means over queries that have something to find.
public struct RetrievalScores: Hashable, Sendable, Codable {
    /// Queries behind the means.
    public var queries = 0
    /// Average precision over the whole ranked gallery, the mean over queries.
    public var meanAveragePrecision = 0.0
    /// P@k: the share of the first k answers that are relevant. Where the gallery has fewer than k, those
    /// missing count as wrong.
    public var precision: [Int: Double] = [:]
    /// Recall@k: the share of queries with something relevant among the first k.
    public var recall: [Int: Double] = [:]
    /// Average normalised modified retrieval rank (MPEG-7): 0 is perfect, 1 finds nothing in reach.
    public var anmrr = 0.0
}
