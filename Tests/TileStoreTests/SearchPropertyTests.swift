import Foundation
import PostgreSQL
import Testing
import TestCluster
import TileGrid
import TileStore

/// Search against brute force in Swift: distances from the vectors themselves, areas by a point-in-polygon and
/// segment-crossing test of its own.
@Suite struct SearchPropertyTests {
    private struct Tile {
        let row: TileRow
        let west, south, side: Double
    }

    /// A star-shaped polygon round a centre: never crosses itself, mostly not convex.
    private func randomPolygon(_ random: inout SeededRandom) -> [(x: Double, y: Double)] {
        let centre = (x: Double.random(in: 0...10, using: &random), y: Double.random(in: 0...10, using: &random))
        let reach = Double.random(in: 0.05...6, using: &random)
        let count = Int.random(in: 3...40, using: &random)
        return (0..<count).map { index in
            let angle = (Double(index) + Double.random(in: 0.1...0.9, using: &random)) / Double(count) * 2 * .pi
            let radius = reach * Double.random(in: 0.3...1, using: &random)
            return (centre.x + radius * cos(angle), centre.y + radius * sin(angle))
        }
    }

    private func contains(_ polygon: [(x: Double, y: Double)], _ x: Double, _ y: Double) -> Bool {
        var inside = false
        for (a, b) in zip(polygon, polygon.dropFirst() + polygon.prefix(1)) where (a.y > y) != (b.y > y) {
            if x < (b.x - a.x) * (y - a.y) / (b.y - a.y) + a.x { inside.toggle() }
        }
        return inside
    }

    /// Whether a box and a polygon share a point: a side of one crosses a side of the other, or one lies within the other.
    private func intersects(_ polygon: [(x: Double, y: Double)], _ tile: Tile) -> Bool {
        let e = tile.west + tile.side, n = tile.south + tile.side
        let box = [(x: tile.west, y: tile.south), (x: e, y: tile.south), (x: e, y: n), (x: tile.west, y: n)]
        func turn(_ a: (x: Double, y: Double), _ b: (x: Double, y: Double), _ c: (x: Double, y: Double)) -> Double { (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x) }
        for (a, b) in zip(polygon, polygon.dropFirst() + polygon.prefix(1)) {
            for (c, d) in zip(box, box.dropFirst() + box.prefix(1)) where turn(a, b, c) * turn(a, b, d) < 0 && turn(c, d, a) * turn(c, d, b) < 0 { return true }
        }
        return contains(polygon, tile.west, tile.south) || (polygon[0].x > tile.west && polygon[0].x < e && polygon[0].y > tile.south && polygon[0].y < n)
    }

    private func cosineDistance(_ a: [Float], _ b: [Float]) -> Double {
        var product = 0.0
        for index in a.indices { product += Double(a[index]) * Double(b[index]) }
        return 1 - product
    }

    /// The index is forced, and narrow, so that its falling short and the tail outside it are met too.
    @Test(arguments: [false, true], [false, true]) func neverShortAndExactWhereItSaysSo(withIndex: Bool, byExtension: Bool) throws {
        var random = SeededRandom(seed: withIndex ? 2 : 1)
        var f = try StoreFixture(dimension: 16)
        try f.store.connection.query("SELECT tilescout.settle_packs($1)", [byExtension])
        var tiles: [Tile] = []
        for part in 0..<2 {
            let scene = try f.addScene(part)
            let added = (part * 2000..<(part + 1) * 2000).map { number -> Tile in
                let west = Double.random(in: 0...10, using: &random), south = Double.random(in: 0...10, using: &random)
                let side = Double.random(in: 0.01...0.2, using: &random)
                let valid = Float.random(in: 0...1, using: &random)
                return Tile(row: f.row(number, scene: scene, at: (west, south), side: side, valid: valid), west: west, south: south, side: side)
            }
            tiles += added
            _ = try f.store.merge(added.map(\.row), run: f.run)
            try f.store.finish(f.run, .published)
            if withIndex, part == 0 { #expect(try f.store.buildIndexes(model: f.model.name, force: true).action == "built") }
            if part == 0 { f.run = try f.store.beginRun(f.run.request) }
        }
        if withIndex {
            // Every table is large compared with this: the index is asked whenever more than two cells would be visited.
            try f.plan(fewCells: 2, exactMicroseconds: "600 + rows")
            try f.store.connection.execute(script: "ANALYZE")
        }
        var plans: [String: Int] = [:], recalled = 0, wantedByIndex = 0
        for _ in 0..<200 {
            let polygon = randomPolygon(&random), k = Int.random(in: 1...40, using: &random)
            var request = SearchRequest(embedding: StoreFixture.direction(Int.random(in: 10_000...20_000, using: &random), 16), k: k)
            if Bool.random(using: &random) { request.minValid = Double.random(in: 0...1, using: &random) }
            let ring = (polygon + [polygon[0]]).map { "\($0.x) \($0.y)" }.joined(separator: ", ")
            request.within = .wkt("POLYGON((\(ring)))")
            let answer = try f.store.search(request)

            let query = request.embedding!
            let leastValid: Float = request.minValid.map { Float($0) } ?? 0
            let passing: [Tile] = tiles.filter { $0.row.validFraction >= leastValid && intersects(polygon, $0) }
            let ranked: [(id: TileID, distance: Double)] = passing.map { ($0.row.tileID, cosineDistance($0.row.embedding, query)) }
            let nearest = ranked.sorted { $0.distance < $1.distance }.prefix(k)
            #expect(answer.hits.count == nearest.count, "\(answer.plan)")
            #expect(Set(answer.hits.map(\.tileID)).isSubset(of: ranked.map { $0.id }))
            #expect(zip(answer.hits, answer.hits.dropFirst()).allSatisfy { $0.distance <= $1.distance })
            if answer.exact {
                // Halves round the vectors: distances agree to their precision, and so does the order.
                for (hit, expected) in zip(answer.hits, nearest) { #expect(abs(hit.distance - expected.distance) < 2e-3) }
                // Two pages are the whole.
                if answer.hits.count > 1, k.isMultiple(of: 4) {
                    var next = request
                    let first = answer.hits.count / 2
                    next.k = answer.hits.count - first
                    next.after = answer.hits[first - 1].tileID
                    let second = try f.store.search(next)
                    if second.exact { #expect(second.hits.map(\.tileID) == answer.hits.dropFirst(first).map(\.tileID)) }
                    #expect(second.hits.count == next.k)
                }
            } else {
                recalled += Set(answer.hits.map(\.tileID)).intersection(nearest.map { $0.id }).count
                wantedByIndex += nearest.count
            }
            plans[String(answer.plan.prefix { $0 != ":" }) + (answer.plan.contains("too few") ? " after index" : ""), default: 0] += 1
        }
        print("plans: \(plans), recall of the index \(recalled)/\(wantedByIndex)")
        if withIndex {
            #expect(plans[byExtension ? "lists by look" : "index", default: 0] > 20 && plans["exact", default: 0] + plans["exact after index", default: 0] > 20)
            #expect(Double(recalled) >= 0.95 * Double(wantedByIndex))
        } else {
            #expect(plans["exact"] == 200)
        }
    }
}
