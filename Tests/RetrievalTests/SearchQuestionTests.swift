import Foundation
import TileGrid
import Testing

@testable import Retrieval

@Suite("What a search asks, in words")
struct SearchQuestionTests {
    private let tile = TileID(bytes: [UInt8](repeating: 7, count: 16))

    /// The words of a question that is narrowed so.
    private func words(_ narrow: (inout SearchQuestion) throws -> Void) rethrows -> String {
        var question = SearchQuestion(.tile(tile))
        try narrow(&question)
        return question.filterText
    }

    @Test("Each thing that narrows a search is said, and nothing else is") func filters() throws {
        #expect(words { _ in } == "everywhere, at any time")
        #expect(words { $0.positives = [tile]; $0.negatives = [tile, tile] } == "like 1 tile more · unlike 2 tiles")
        #expect(try words { $0.acquired = try AcquisitionRange("2020") } == "acquired 2020-01-01 to 2020-12-31")
        #expect(try words { $0.acquired = try AcquisitionRange("/2020") } == "acquired … to 2020-12-31")
        #expect(words { $0.collections = ["a", "b"] } == "in a, b")
        #expect(words { $0.minValid = 0.5; $0.maxCloud = 0.25 } == "at least 50 % valid · at most 25 % cloud")
        #expect(words { $0.near = (Point(x: 1, y: 2), 500); $0.resolution = 0.5...1 } == "within 500 m of 1.0, 2.0 · 0.5 to 1.0 m a pixel")
        #expect(
            words { $0.excludeScene = true; $0.excludePlace = true; $0.onePerPlace = true } == "of other scenes · of other places · one tile a place")
        #expect(words { $0.maxDistance = 0.5; $0.after = tile } == "at most 0.5 off in look · a later page")
    }
}
