import PostgreSQL

/// What identifies an encoder: name, weights, preprocessing, dimension.
public struct ModelDescription: Hashable, Sendable {
    public var name: String
    /// SHA-256 of the weights, lower-case hexadecimal, 64 digits.
    public var weightsSHA256: String
    /// Input side, scaling, interpolation: a JSON object.
    public var preprocessing: String
    public var dimension: Int

    public init(name: String, weightsSHA256: String, preprocessing: String, dimension: Int) {
        self.name = name
        self.weightsSHA256 = weightsSHA256
        self.preprocessing = preprocessing
        self.dimension = dimension
    }
}

/// A model as the database knows it.
public struct ModelRecord: Hashable, Sendable {
    public let id: Int
    public let description: ModelDescription
    /// Searches that name no model use this one.
    public let isServing: Bool
    /// The index holds the runs up to this one; nil without an index.
    public let indexedThroughRun: Int?

    public var name: String { description.name }
    public var dimension: Int { description.dimension }

    static let columns = "id, name, weights_sha256, preprocessing, dimension, serving, tilescout.indexed_through(model) AS indexed_through_run"

    init(_ row: Row) throws {
        id = try row["id"]
        description = ModelDescription(
            name: try row["name"], weightsSHA256: try row["weights_sha256"], preprocessing: try row["preprocessing"], dimension: try row["dimension"])
        isServing = try row["serving"]
        indexedThroughRun = try row["indexed_through_run"]
    }
}
