/// What a search found, and how.
public struct Answer: Sendable, Codable, Hashable {
    public var model: String
    /// The plan that found it, in words.
    public var plan: String
    /// Whether every row that passes the filter was compared.
    public var exact: Bool
    public var hits: [TileHit]

    public init(model: String, plan: String, exact: Bool, hits: [TileHit]) {
        self.model = model
        self.plan = plan
        self.exact = exact
        self.hits = hits
    }
}
