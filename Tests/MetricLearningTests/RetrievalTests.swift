import Kernels
import Testing

@testable import MetricLearning

@Suite("Retrieval metrics agree with NumPy and scikit-learn")
struct RetrievalTests {
    struct Scores: Decodable {
        var queries: Int
        var map, anmrr: Double
        var precision, recall: [Double]
    }
    struct ClassEntry: Decodable {
        var label: Int
        var scores: Scores
    }
    struct Expected: Decodable {
        var overall: Scores
        var perClass: [ClassEntry]
        var averagePrecision: [Double?]
        var confusion: [Int]
    }
    struct Entry: Decodable {
        var name: String
        var dimension: Int
        var gallery: [Float]
        var galleryLabels: [Int]
        var queries: [Float]?
        var queryLabels: [Int]?
        var leaveOneOut: Bool
        var nearestLabels: [Int]?
        var expected: Expected

        func task() throws -> RetrievalTask {
            let rows = Matrix(rows: galleryLabels.count, columns: dimension, elements: gallery)
            guard !leaveOneOut else { return try .leaveOneOut(descriptors: rows, labels: galleryLabels) }
            return try RetrievalTask(
                queries: Matrix(rows: queryLabels!.count, columns: dimension, elements: queries!), queryLabels: queryLabels!,
                gallery: rows, galleryLabels: galleryLabels)
        }
    }

    private func expectEqual(_ scores: RetrievalScores, _ expected: Scores, _ name: String) {
        #expect(scores.queries == expected.queries, "\(name)")
        #expect(abs(scores.meanAveragePrecision - expected.map) < 1e-12, "\(name)")
        #expect(abs(scores.anmrr - expected.anmrr) < 1e-12, "\(name)")
        for (k, value) in zip([5, 10, 20, 50, 100], expected.precision) { #expect(abs(scores.precision[k]! - value) < 1e-12) }
        for (k, value) in zip([1, 2, 4, 8], expected.recall) { #expect(abs(scores.recall[k]! - value) < 1e-12) }
    }

    @Test(arguments: 0..<3) func everyScore(index: Int) throws {
        let entry = try fixture("retrieval.json", as: [Entry].self)[index]
        let report = try evaluateRetrieval(entry.task())
        expectEqual(report.overall, entry.expected.overall, entry.name)
        #expect(report.perClass.map(\.label) == entry.expected.perClass.map(\.label))
        for (ours, theirs) in zip(report.perClass, entry.expected.perClass) {
            expectEqual(ours.scores, theirs.scores, "\(entry.name), class \(theirs.label)")
        }
        #expect(report.nearestConfusion.counts == entry.expected.confusion)
        #expect(report.queriesWithoutRelevant == entry.expected.averagePrecision.count { $0 == nil })
        for (ours, theirs) in zip(report.queries, entry.expected.averagePrecision) {
            #expect((ours.averagePrecision == nil) == (theirs == nil))
            if let a = ours.averagePrecision, let b = theirs { #expect(abs(a - b) < 1e-12) }
        }
        if let labels = entry.nearestLabels {
            #expect(report.queries.map { entry.galleryLabels[$0.nearest!] } == labels)
        }
    }

    @Test(arguments: 0..<3) func blocksDoNotMatter(index: Int) throws {
        let task = try fixture("retrieval.json", as: [Entry].self)[index].task()
        let whole = try evaluateRetrieval(task)
        for memory in [1, 3_000, 20_000] {
            var options = RetrievalOptions()
            options.memory = memory
            let blocked = try evaluateRetrieval(task, options: options)
            #expect(blocked.queries == whole.queries)
            #expect(blocked.overall == whole.overall)
            #expect(nearestNeighbours(task, count: 7, memory: memory) == nearestNeighbours(task, count: 7))
        }
    }

    @Test func memoryBoundsTheBlocks() throws {
        let rows = Matrix<Float>(rows: 5_000, columns: 64, repeating: 1)
        let task = try RetrievalTask.leaveOneOut(descriptors: rows, labels: Array(repeating: 0, count: 5_000))
        let blocks = SimilarityBlocks(task, memory: 1 << 20)
        let (q, g) = (blocks.queriesPerBlock, blocks.galleryPerBlock)
        #expect(q * 5_000 * 4 + q * 64 * 8 + g * 64 * 8 + q * g * 8 <= 1 << 20)
    }

    @Test func perfectAndHopelessRankings() {
        #expect(averagePrecision(ranks: [1, 2, 3]) == 1)
        #expect(averagePrecision(ranks: [2, 4]) == 0.5)
        #expect(averagePrecision(ranks: []) == nil)
        #expect(normalisedModifiedRank(ranks: [1, 2, 3], largest: 5) == 0)
        // NG 2, GTM 2: K = min(8, 4) = 4. Beyond it a rank counts 5, and NMRR = (5 − 1.5)/(5 − 1.5) = 1.
        #expect(normalisedModifiedRank(ranks: [5, 9], largest: 2) == 1)
        #expect(normalisedModifiedRank(ranks: [1, 9], largest: 2) == (3.0 - 1.5) / 3.5)
    }

    @Test func aQueryNeverFindsItself() throws {
        let rows = Matrix<Float>([[1, 0], [1, 0], [0, 1]])
        let task = try RetrievalTask.leaveOneOut(descriptors: rows, labels: [1, 1, 2])
        #expect(nearestNeighbours(task, count: 9).map { $0.map(\.row) } == [[1, 2], [0, 2], [0, 1]])
        let report = try evaluateRetrieval(task)
        #expect(report.overall.meanAveragePrecision == 1 && report.queriesWithoutRelevant == 1)
    }

    @Test func tiesGoToTheLowerRowAndSimilarityFalls() throws {
        let rows = Matrix<Float>([[0, 0], [-1, 0], [2, 0], [1, 0], [0, 3], [1, 1]])
        let task = try RetrievalTask(
            queries: Matrix([[5, 0]]), queryLabels: [0], gallery: rows, galleryLabels: [0, 0, 0, 0, 0, 0])
        let found = nearestNeighbours(task, count: 6)[0]
        #expect(found.map(\.row) == [2, 3, 5, 0, 4, 1])
        #expect(found.first?.similarity == 1 && found.last?.similarity == -1)
    }

    @Test func theVoteOfNeighboursBreaksTiesByRank() throws {
        let rows = Matrix<Float>([[1, 0.1], [1, 0.2], [1, 0.3], [1, 0.4]])
        let task = try RetrievalTask(
            queries: Matrix([[1, 0]]), queryLabels: [9], gallery: rows, galleryLabels: [7, 3, 3, 7])
        var options = RetrievalOptions()
        options.neighbours = 4
        let report = try evaluateRetrieval(task, options: options)
        #expect(report.neighbourConfusion.count(truth: 9, predicted: 7) == 1)
        #expect(report.neighbourConfusion.accuracy == 0)
        #expect(report.overall == evaluateEmpty(options))
    }

    private func evaluateEmpty(_ options: RetrievalOptions) -> RetrievalScores {
        var scores = RetrievalScores()
        for k in options.precisionAt { scores.precision[k] = 0 }
        for k in options.recallAt { scores.recall[k] = 0 }
        return scores
    }

    @Test func wrongInputIsAnError() throws {
        let one = Matrix<Float>([[1, 2]])
        func refused(_ make: () throws -> RetrievalTask) { #expect(throws: MetricLearningError.self) { try make() } }
        refused { try RetrievalTask(queries: one, queryLabels: [], gallery: one, galleryLabels: [1]) }
        refused { try RetrievalTask(queries: one, queryLabels: [1], gallery: Matrix([[1]]), galleryLabels: [1]) }
        refused { try RetrievalTask(queries: one, queryLabels: [1], gallery: Matrix(rows: 0, columns: 2), galleryLabels: []) }
        refused { try RetrievalTask(queries: one, queryLabels: [1], gallery: one, galleryLabels: [1], excluded: [1]) }
        refused { try RetrievalTask(queries: Matrix([[1, .nan]]), queryLabels: [1], gallery: one, galleryLabels: [1]) }
        var options = RetrievalOptions()
        options.recallAt = [0]
        let task = try RetrievalTask(queries: one, queryLabels: [1], gallery: one, galleryLabels: [1])
        #expect(throws: MetricLearningError.self) { try evaluateRetrieval(task, options: options) }
    }
}
