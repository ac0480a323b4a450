import PostgreSQL
import Testing
import TestCluster
import TileStore

/// Vectors of lists in one bit a dimension, by which the extension finds out whose codes are to be read.
@Suite struct SketchesTests {
    /// 900 vectors of 9 looks, in one scene, in lists.
    private func filled(_ dimension: Int) throws -> (f: StoreFixture, looks: [[Float]]) {
        var random = SeededRandom(seed: UInt64(dimension))
        let f = try StoreFixture(dimension: dimension), scene = try f.addScene(0)
        let looks = (0..<900).map { number in
            StoreFixture.unit(zip(StoreFixture.direction(number % 9, dimension), StoreFixture.direction(dimension, using: &random)).map { $0 + 0.6 * $1 })
        }
        _ = try f.store.merge(looks.indices.map { f.row($0, scene: scene, at: (Double($0 % 40) / 10, Double($0 / 40) / 10), embedding: looks[$0]) }, run: f.run)
        try f.store.finish(f.run, .published)
        #expect(try f.store.buildIndexes(model: f.model.name, force: true).action == "built")
        return (f, looks)
    }

    /// Least distances of all vectors of all lists, beside those that they have: a list's vector is known by its cell's number and its place there, 8 and 12 bytes from the end of what is
    /// said of it.
    private func least(_ f: StoreFixture, _ query: [Float]) throws -> [(least: Double, distance: Double)] {
        let literal = StoreFixture.literal(query)
        return try f.store.connection.query("""
            WITH listed AS (
                SELECT l.list, l.codes, get_byte(l.codes, 4) AS count, x.n, x.least, length(l.codes) - 28 * (get_byte(l.codes, 4) - x.n + 1)::int AS member
                FROM tilescout.look AS l
                JOIN tilescout.look AS m ON m.list < -1 AND m.list > -2147483648 AND l.list BETWEEN get_byte(m.codes, 8) AND get_byte(m.codes, 8) + get_byte(m.codes, 4) - 1
                CROSS JOIN LATERAL unnest(tilescout.native_least_by_sketches(m.codes, l.list, l.codes, \(literal))) WITH ORDINALITY AS x (least, n)
                WHERE l.list >= 0
            ), stored AS (
                SELECT p.cell_id, row_number() OVER (PARTITION BY p.cell_id ORDER BY p.part, x.n) - 1 AS place, x.vector <=> \(literal) AS distance
                FROM tilescout.pack AS p CROSS JOIN LATERAL unnest(p.vectors) WITH ORDINALITY AS x (vector, n)
            )
            SELECT l.least::float8 AS least, s.distance FROM listed AS l JOIN stored AS s
                ON (s.cell_id & 255) = get_byte(l.codes, l.member + 4) AND s.place = get_byte(l.codes, l.member + 12) + 256 * get_byte(l.codes, l.member + 13)
            ORDER BY s.cell_id, s.place
            """).map { (try $0["least"], try $0["distance"]) }
    }

    @Test("Few vectors are nearer than their sketch says, and few sketches say much less; all processors' ways say the same", arguments: [16, 100, 128, 256, 1280, 2200])
    func leastDistancesHold(_ dimension: Int) throws {
        let (f, looks) = try filled(dimension)
        var nearer = 0, compared = 0, slack = 0.0
        for query in (0..<20).map({ looks[$0 * 31] }) + (0..<20).map({ StoreFixture.direction(50_000 + $0, dimension) }) {
            var found: [(least: Double, distance: Double)] = []
            for way in [0, 1, 2] {
                try f.store.connection.query("SELECT tilescout.native_codes_way($1::int)", [way])
                let here = try least(f, query)
                #expect(way == 0 || here.map(\.least) == found.map(\.least))
                found = here
            }
            compared += found.count
            nearer += found.count { $0.distance < $0.least }
            slack += found.reduce(0) { $0 + $1.distance - $1.least }
        }
        #expect(compared == 40 * 900)
        // Beyond 2.8 standard deviations is one in four hundred.
        #expect(nearer <= compared / 200, "\(nearer)")
        // 2.8 standard deviations of 256 dimensions are 0.11 where nothing is near the middle.
        if dimension >= 256 { #expect(slack / Double(compared) < 0.13, "\(slack / Double(compared))") }
    }
}
