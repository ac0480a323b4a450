import Kernels

/// Queries, the gallery that they are looked up in, and the classes of both. Rows are compared by cosine similarity,
/// normalised on the way; a zero row is similar to nothing (0).
public struct RetrievalTask: Sendable {
    public let queries: Matrix<Float>
    public let queryLabels: [Int]
    public let gallery: Matrix<Float>
    public let galleryLabels: [Int]
    /// The gallery row that is the query itself and never counts as an answer; nil where there is none. Empty: none at all.
    public let excluded: [Int?]

    /// Query and gallery sets.
    /// - Parameter excluded: one gallery row or nil per query, for queries that are in the gallery too; empty for none.
    /// - Throws: `MetricLearningError` for sizes that do not fit, an empty set, or a value that is not finite.
    public init(
        queries: Matrix<Float>, queryLabels: [Int], gallery: Matrix<Float>, galleryLabels: [Int], excluded: [Int?] = []
    ) throws(MetricLearningError) {
        func refuse(_ subject: String, _ reason: String) -> MetricLearningError {
            MetricLearningError(operation: "evaluate retrieval", subject: subject, reason: reason)
        }
        guard queries.rows > 0, gallery.rows > 0 else {
            throw refuse("\(queries.rows) queries, a gallery of \(gallery.rows)", "neither may be empty")
        }
        guard queries.columns == gallery.columns else {
            throw refuse("queries of \(queries.columns) components", "the gallery has \(gallery.columns)")
        }
        guard queries.rows == queryLabels.count, gallery.rows == galleryLabels.count else {
            throw refuse(
                "\(queries.rows) queries, a gallery of \(gallery.rows)",
                "there are \(queryLabels.count) and \(galleryLabels.count) labels")
        }
        guard excluded.isEmpty || excluded.count == queries.rows else {
            throw refuse("\(excluded.count) exclusions", "there are \(queries.rows) queries")
        }
        if let bad = excluded.compactMap({ $0 }).first(where: { !(0..<gallery.rows).contains($0) }) {
            throw refuse("excluded row \(bad)", "the gallery has \(gallery.rows) rows")
        }
        for (name, matrix) in [("query", queries), ("gallery row", gallery)] {
            if let bad = matrix.elements.firstIndex(where: { !$0.isFinite }) {
                throw refuse("\(name) \(bad / matrix.columns)", "component \(bad % matrix.columns) is \(matrix.elements[bad])")
            }
        }
        self.queries = queries
        self.queryLabels = queryLabels
        self.gallery = gallery
        self.galleryLabels = galleryLabels
        self.excluded = excluded
    }

    /// Every row queries all the others.
    public static func leaveOneOut(descriptors: Matrix<Float>, labels: [Int]) throws(MetricLearningError) -> RetrievalTask {
        try RetrievalTask(
            queries: descriptors, queryLabels: labels, gallery: descriptors, galleryLabels: labels,
            excluded: Array(0..<descriptors.rows))
    }

    /// The same task with other queries, expanded ones for instance.
    public func replacingQueries(_ queries: Matrix<Float>) throws(MetricLearningError) -> RetrievalTask {
        try RetrievalTask(
            queries: queries, queryLabels: queryLabels, gallery: gallery, galleryLabels: galleryLabels, excluded: excluded)
    }

    func excludedRow(of query: Int) -> Int? { excluded.isEmpty ? nil : excluded[query] }
}
