/// Which cut-offs to report.
public struct RetrievalOptions: Hashable, Sendable, Codable {
    public var precisionAt = [5, 10, 20, 50, 100]
    public var recallAt = [1, 2, 4, 8]
    /// k of the kNN confusion matrix.
    public var neighbours = 5
    /// Bytes that similarities and converted descriptors may take at a time.
    public var memory = defaultRetrievalMemory

    public init() {}
}
