import Foundation
import PostgreSQL
import Testing
import TestCluster
import TileGrid
import TileStore

/// Exact searches that go over from codes to comparing everything, half way through an answer: what was found before is neither found again nor lost.
@Suite("Ranking by codes, and on without them") struct RankingTests {
    /// Tiles of small scenes, whose cells hold several dates: those of every second scene look alike and are of the first day.
    private func filled(_ dimension: Int, scenes: Int, each: Int, alike: Bool) throws -> StoreFixture {
        var random = SeededRandom(seed: 5)
        let f = try StoreFixture(dimension: dimension)
        for number in 0..<scenes {
            let first = number.isMultiple(of: 2), scene = try f.addScene(number, acquired: Date(timeIntervalSince1970: first ? 1_600_000_000 : 1_700_000_000))
            let rows = (0..<each).map { tile in
                f.row(
                    number * each + tile, scene: scene, at: (Double.random(in: 0...9, using: &random), Double.random(in: 0...9, using: &random)), side: 0.05,
                    embedding: alike && first ? StoreFixture.direction(7, dimension) : nil)
            }
            _ = try f.store.merge(rows, run: f.run)
        }
        try f.store.finish(f.run, .published)
        try f.store.connection.execute(script: "ANALYZE")
        return f
    }

    /// The answer's tiles, in their order, beside those that SQL finds.
    private func ask(_ f: StoreFixture, _ question: String) throws -> (found: [String], wanted: [String], way: String) {
        func tiles(_ answer: String) throws -> [String] {
            let text: String = try f.store.connection.query("SELECT coalesce(string_agg(tile_id::text, ' ' ORDER BY rank), '') AS tiles FROM (\(answer)) AS x")[0]["tiles"]
            return text.split(separator: " ").map(String.init)
        }
        let found = try tiles("SELECT rank, tile_id FROM tilescout.search(\(question))")
        let way: String = try f.store.connection.query("SELECT tilescout.native_search_way() AS way")[0]["way"]
        return (found, try tiles("SELECT n AS rank, tile_id FROM tilescout.run_search(\(question)) AS a CROSS JOIN LATERAL unnest(a.tiles) WITH ORDINALITY AS h (tile_id, n)"), way)
    }

    @Test("Of an area that fills a part of its box nothing is found twice", arguments: [150, 400, 1000, 2500]) func nothingTwice(_ k: Int) throws {
        let f = try filled(64, scenes: 120, each: 50, alike: false)
        for number in 0..<6 {
            let look = StoreFixture.literal(StoreFixture.direction(70_000 + number, 64))
            let answer = try ask(f, "embedding => \(look), k => \(k), within => ST_Buffer(ST_SetSRID(ST_MakePoint(4.5, 4.5), 4326), 4.4)")
            #expect(answer.found.count == k && Set(answer.found).count == k && answer.found == answer.wanted, "question \(number): \(answer.way)")
        }
    }

    @Test("Thousands of equal tiles that do not pass hide none that do") func equalOnes() throws {
        let f = try filled(16, scenes: 400, each: 15, alike: true)
        for look in [StoreFixture.direction(7, 16), StoreFixture.direction(8, 16)] {
            let answer = try ask(f, "embedding => \(StoreFixture.literal(look)), k => 10, within => tilescout.bbox(0.1, 0.1, 8.9, 8.9), acquired => '[2022-01-01,)'")
            #expect(answer.found.count == 10 && answer.found == answer.wanted, "\(answer.way): \(answer.found.count) of \(answer.wanted.count)")
        }
    }
}
