import Foundation
import PostgreSQL
import Testing
import TestCluster
import TileGrid
import TileStore

/// Cells of many small scenes hold many dates: what a whole cell promises must hold for each of its tiles.
@Suite struct PackTests {
    private struct Tile {
        let row: TileRow
        let acquired: Date?
    }

    /// 90 scenes of 9 tiles that share cells, some undated; four cells at the most.
    private func archive(_ f: inout StoreFixture, _ random: inout SeededRandom) throws -> [Tile] {
        var tiles: [Tile] = []
        for number in 0..<90 {
            let acquired = Bool.random(using: &random) || number.isMultiple(of: 3) ? Date(timeIntervalSince1970: 1.5e9 + Double.random(in: 0...1e8, using: &random).rounded()) : nil
            let scene = try f.addScene(number, acquired: acquired)
            let corner = (west: Double.random(in: 0...9, using: &random), south: Double.random(in: 0...9, using: &random))
            for tile in 0..<9 {
                let place = (corner.west + 0.1 * Double(tile % 3), corner.south + 0.1 * Double(tile / 3))
                tiles.append(Tile(row: f.row(
                    number * 9 + tile, scene: scene, at: place, valid: Float.random(in: 0...1, using: &random),
                    cloud: Bool.random(using: &random) ? Float.random(in: 0...1, using: &random) : nil), acquired: acquired))
            }
        }
        _ = try f.store.merge(tiles.map(\.row), run: f.run)
        try f.store.finish(f.run, .published)
        return tiles
    }

    @Test func packsHoldEachVisibleVectorOnce() throws {
        var random = SeededRandom(seed: 5), f = try StoreFixture(dimension: 16)
        let tiles = try archive(&f, &random)
        let held = try f.store.connection.query("""
            SELECT count(*)::bigint AS vectors, count(DISTINCT x.tile)::bigint AS tiles, count(*) FILTER (WHERE x.vector = e.embedding AND x.valid = e.valid_fraction)::bigint AS equal,
                   (SELECT sum(c.tiles)::bigint FROM tilescout.cell AS c) AS counted
            FROM tilescout.pack AS p CROSS JOIN LATERAL unnest(p.tiles, p.vectors, p.valid) AS x (tile, vector, valid) JOIN tilescout.embedding_1 AS e ON e.tile_id = x.tile
            """)[0]
        for column in ["vectors", "tiles", "equal", "counted"] { #expect(try held[column] as Int == tiles.count) }
    }

    @Test func datesSharesAndScenesAreToldApartWithinACell() throws {
        var random = SeededRandom(seed: 6), f = try StoreFixture(dimension: 16)
        var tiles = try archive(&f, &random)
        var gone = Set<Int>()
        for turn in 0..<120 {
            // Half-way some scenes are deleted: their cells hold vectors of tiles that are no more.
            if turn == 60 {
                gone = Set((0..<20).map { _ in tiles.randomElement(using: &random)!.row.sceneID })
                for scene in gone { _ = try f.store.forget(sceneID: scene) }
                tiles.removeAll { gone.contains($0.row.sceneID) }
            }
            let k = Int.random(in: 1...60, using: &random)
            var request = SearchRequest(embedding: StoreFixture.direction(Int.random(in: 10_000...20_000, using: &random), 16), k: k)
            request.countPassing = true
            var passing = tiles
            if Bool.random(using: &random) {
                let from = Date(timeIntervalSince1970: 1.5e9 + Double.random(in: 0...8e7, using: &random).rounded()), to = from + Double.random(in: 1...5e7, using: &random).rounded()
                request.acquired = TimeRange(from: from, to: to)
                passing.removeAll { tile in tile.acquired.map { $0 < from || $0 >= to } ?? true }
            }
            if Bool.random(using: &random) {
                request.minValid = Double.random(in: 0...1, using: &random)
                passing.removeAll { $0.row.validFraction < Float(request.minValid!) }
            }
            if Bool.random(using: &random) {
                request.maxCloud = Double.random(in: 0...1, using: &random)
                passing.removeAll { tile in tile.row.cloudFraction.map { $0 > Float(request.maxCloud!) } ?? true }
            }
            if Bool.random(using: &random), let liked = tiles.randomElement(using: &random) {
                request.positives = [liked.row.tileID]
                request.embedding = nil
                request.excludeScene = Bool.random(using: &random)
                passing.removeAll { request.excludeScene ? $0.row.sceneID == liked.row.sceneID : $0.row.tileID == liked.row.tileID }
            }
            let query = request.embedding ?? tiles.first { request.positives.contains($0.row.tileID) }!.row.embedding
            func distance(_ tile: Tile) -> Double { 1 - zip(tile.row.embedding, query).reduce(0) { $0 + Double($1.0 * $1.1) } }
            let answer = try f.store.search(request)
            #expect(answer.exact && answer.rowsPassing == passing.count, "\(answer.plan)")
            #expect(answer.hits.count == min(k, passing.count), "\(request) \(answer.plan)")
            #expect(Set(answer.hits.map(\.tileID)).isSubset(of: passing.map(\.row.tileID)))
            for (hit, expected) in zip(answer.hits, passing.map(distance).sorted()) { #expect(abs(hit.distance - expected) < 2e-3) }
        }
    }
}
