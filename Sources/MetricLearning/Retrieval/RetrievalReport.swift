/// Means over queries that have something to find.
public struct RetrievalScores: Hashable, Sendable, Codable {
    /// Queries behind the means.
    public var queries = 0
    /// Average precision over the whole ranked gallery, the mean over queries.
    public var meanAveragePrecision = 0.0
    /// P@k: the share of the first k answers that are relevant. Where the gallery has fewer than k, those missing count as wrong.
    public var precision: [Int: Double] = [:]
    /// Recall@k: the share of queries with something relevant among the first k.
    public var recall: [Int: Double] = [:]
    /// Average normalised modified retrieval rank (MPEG-7): 0 is perfect, 1 finds nothing in reach.
    public var anmrr = 0.0
}

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

/// How often a query of one class was given another.
public struct ConfusionMatrix: Hashable, Sendable, Codable {
    /// The classes of queries and gallery, ascending: rows and columns.
    public let labels: [Int]
    /// labels.count² counts, row = true class.
    public private(set) var counts: [Int]

    public init(labels: some Sequence<Int>) {
        self.labels = Set(labels).sorted()
        counts = Array(repeating: 0, count: self.labels.count * self.labels.count)
    }

    /// Traps for a class that is not among `labels`.
    public mutating func add(truth: Int, predicted: Int) { counts[position(truth) * labels.count + position(predicted)] += 1 }

    public func count(truth: Int, predicted: Int) -> Int { counts[position(truth) * labels.count + position(predicted)] }

    /// The share of queries on the diagonal; 0 of none.
    public var accuracy: Double {
        let total = counts.reduce(0, +)
        guard total > 0 else { return 0 }
        return Double(labels.indices.reduce(0) { $0 + counts[$1 * labels.count + $1] }) / Double(total)
    }

    private func position(_ label: Int) -> Int {
        var low = 0, high = labels.count
        while low < high {
            let middle = (low + high) / 2
            if labels[middle] < label { low = middle + 1 } else { high = middle }
        }
        precondition(low < labels.count && labels[low] == label, "ConfusionMatrix: no class \(label)")
        return low
    }
}
