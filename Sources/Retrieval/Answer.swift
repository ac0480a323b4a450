/// What a search found, and how.
public struct Answer: Sendable, Codable, Hashable {
    public var model: String
    /// The plan that found it, in words.
    public var plan: String
    /// Whether every row that passes the filter was compared.
    public var exact: Bool
    public var hits: [TileHit]
    /// What may be wrong with the question.
    public var hint: String?

    public init(model: String, plan: String, exact: Bool, hits: [TileHit], hint: String? = nil) {
        self.model = model
        self.plan = plan
        self.exact = exact
        self.hits = hits
        self.hint = hint
    }
}
