import PostgreSQL

/// What ``TileStore/buildIndexes(model:force:dropPatience:every:progress:)`` did.
public struct IndexReport: Hashable, Sendable {
    /// `built`, `kept`, `left to process N, which is building it`, or why there is none.
    public let action: String
    /// An HNSW index, or ``lists``; nil: there is none.
    public let indexName: String?
    public let rowsIndexed: Int
    /// Rows of later runs, which searches compare exactly.
    public let rowsOutside: Int
    /// What an operator should know: that loading waited, that memory was short, that an index is still to be dropped.
    public internal(set) var notes: [String] = []

    /// The name of lists by look.
    public static let lists = "lists"

    init(_ row: Row) throws {
        action = try row["action"]
        indexName = try row["index_name"]
        rowsIndexed = try row["rows_indexed"]
        rowsOutside = try row["rows_outside"]
    }
}

/// How far a build is.
public struct IndexProgress: Hashable, Sendable {
    /// PostgreSQL's words, as in `building index: loading tuples`.
    public let phase: String
    public let rowsDone: Int
    public let rowsTotal: Int
    /// The server's process whose transaction has to end before the build goes on.
    public let waitsFor: Int?

    public var text: String {
        var text = "index: \(phase)"
        if phase.hasSuffix("loading tuples") { text += ", \(rowsDone) of \(rowsTotal) rows" }
        if let waitsFor { text += " (process \(waitsFor))" }
        return text
    }
}
