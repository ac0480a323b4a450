/// A gallery row and its cosine similarity with the query.
public struct Neighbour: Hashable, Sendable, Codable {
    public let row: Int
    public let similarity: Float
    public init(row: Int, similarity: Float) {
        self.row = row
        self.similarity = similarity
    }
}

/// Bytes that similarities and converted descriptors may take at a time, unless told: enough for GEMM to run at its full
/// speed, little beside the descriptors themselves.
public let defaultRetrievalMemory = 64 << 20

/// The k most similar gallery rows of each query, exactly, most similar first, ties by gallery row; fewer where the gallery
/// has fewer. A query's excluded row is left out.
public func nearestNeighbours(
    _ task: RetrievalTask, count: Int, memory: Int = defaultRetrievalMemory
) -> [[Neighbour]] {
    precondition(count >= 0, "nearestNeighbours: \(count)")
    var result: [[Neighbour]] = []
    result.reserveCapacity(task.queries.rows)
    var best = LeastKeys(count: count)
    SimilarityBlocks(task, memory: memory).forEachQuery { query, similarities, range in
        best.removeAll()
        let excluded = task.excludedRow(of: query) ?? -1
        for row in 0..<range.count where row != excluded {
            best.insert(rankingKey(similarities[range.lowerBound + row], row: row))
        }
        result.append(
            best.keys.map { key in
                let row = Int(UInt32(truncatingIfNeeded: key))
                let similarity = Double(similarities[range.lowerBound + row]) / fixedSimilarityScale
                return Neighbour(row: row, similarity: Float(similarity))
            })
    }
    return result
}
