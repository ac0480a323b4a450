import Foundation
import PostgreSQL
import Testing
import TestCluster
import TileGrid
import TileStore

/// Vectors in 4 bits a dimension, by which the extension finds out which of a cell's may be near: what they promise, and that answers do not depend on them.
@Suite struct CodesTests {
    /// What vectors may be like: spread evenly, in clusters, along one axis, and some hundred times the same.
    private static func look(_ number: Int, _ dimension: Int, _ random: inout SeededRandom) -> [Float] {
        let centre = StoreFixture.direction(number % 12, dimension)
        switch number % 4 {
        case 0: return StoreFixture.direction(number, dimension)
        case 1: return StoreFixture.unit(centre.map { $0 + Float.random(in: -0.1...0.1, using: &random) })
        case 2: return StoreFixture.unit((0..<dimension).map { ($0 == number % dimension ? 1 : 0) + Float.random(in: -0.01...0.01, using: &random) })
        default: return StoreFixture.direction(number % 3, dimension)
        }
    }

    /// Tiles of one run on a grid of 40 columns, a tenth of a degree each.
    private func filled(_ dimension: Int, tiles: Int, published: Bool = true) throws -> (f: StoreFixture, looks: [[Float]]) {
        var random = SeededRandom(seed: UInt64(dimension))
        let f = try StoreFixture(dimension: dimension), scene = try f.addScene(0)
        let looks = (0..<tiles).map { Self.look($0, dimension, &random) }
        _ = try f.store.merge(looks.indices.map { f.row($0, scene: scene, at: (Double($0 % 40) / 10, Double($0 / 40) / 10), embedding: looks[$0]) }, run: f.run)
        if published { try f.store.finish(f.run, .published) }
        return (f, looks)
    }

    private func uncoded(_ f: StoreFixture) throws -> Int {
        try f.store.connection.query("""
            SELECT (SELECT sum(c.tiles) FROM tilescout.cell AS c)::bigint - coalesce(sum(get_byte(o.codes, 4) + 256 * get_byte(o.codes, 5)), 0)::bigint AS missing FROM tilescout.code AS o
            """)[0]["missing"]
    }

    @Test("No vector is nearer than its code says, and few codes say much less", arguments: [1, 2, 3, 16, 100, 129, 256, 1280])
    func leastDistancesHold(_ dimension: Int) throws {
        let (f, looks) = try filled(dimension, tiles: 700)
        #expect(try uncoded(f) == 0)
        for way in [0, 1, 2] {
            try f.store.connection.query("SELECT tilescout.native_codes_way($1::int)", [way])
            var nearer = 0, slack = 0.0, compared = 0
            for query in (0..<20).map({ looks[$0 * 31] }) + (0..<20).map({ StoreFixture.direction(50_000 + $0, dimension) }) {
                let row = try f.store.connection.query("""
                    WITH vector AS (
                        SELECT p.cell_id, row_number() OVER (PARTITION BY p.cell_id ORDER BY p.part, x.n) AS n, x.vector <=> \(StoreFixture.literal(query)) AS distance
                        FROM tilescout.pack AS p CROSS JOIN LATERAL unnest(p.vectors) WITH ORDINALITY AS x (vector, n)
                    ), coded AS (
                        SELECT o.cell_id, row_number() OVER (PARTITION BY o.cell_id ORDER BY o.part, x.n) AS n, x.least
                        FROM tilescout.code AS o CROSS JOIN LATERAL unnest(tilescout.native_least_distances(o.codes, \(StoreFixture.literal(query)))) WITH ORDINALITY AS x (least, n)
                    )
                    SELECT count(*) AS compared, count(*) FILTER (WHERE distance < least) AS nearer, sum(distance - least) AS slack FROM vector FULL JOIN coded USING (cell_id, n)
                    """)[0]
                compared += try row["compared"]
                nearer += try row["nearer"]
                slack += try row["slack"]
            }
            #expect(compared == 40 * 700 && nearer == 0)
            // The bound of many dimensions is narrower: 6 of 16 lengths of the error, of 256.
            if dimension >= 100 { #expect(slack / Double(compared) < 0.12, "\(slack / Double(compared))") }
        }
    }

    /// `tilescout.native_nearest_in_cells` beside SQL, which reads no codes.
    private func differences(_ f: StoreFixture, _ query: [Float], _ box: String, _ depth: Int) throws -> (rows: Int, different: Int) {
        let arguments = """
            (SELECT array_agg(id ORDER BY id) FROM tilescout.cell), (SELECT array_agg(collection_id ORDER BY id) FROM tilescout.cell), (SELECT array_agg(false ORDER BY id) FROM tilescout.cell),
            \(StoreFixture.literal(query)), \(box), NULL, NULL, NULL, NULL
            """
        let inBox = box.hasPrefix("NULL") ? "true" : "t.footprint && ST_MakeEnvelope(\(box), 4326)"
        let row = try f.store.connection.query("""
            WITH native AS (SELECT * FROM tilescout.native_nearest_in_cells(\(arguments), \(depth))), plain AS (
                SELECT p.* FROM tilescout.plain_nearest_in_cells(\(arguments), 1000000) AS p JOIN tilescout.tile AS t ON t.id = p.tile_id WHERE \(inBox)
                ORDER BY p.distance, p.tile_id LIMIT \(depth)
            )
            SELECT (SELECT count(*) FROM native) AS rows, (SELECT count(*) FROM (TABLE native EXCEPT ALL TABLE plain) AS x) + (SELECT count(*) FROM (TABLE plain EXCEPT ALL TABLE native) AS x) AS different
            """)[0]
        return (try row["rows"], try row["different"])
    }

    /// Boxes a hair inside tiles' edges, so that rounding to single precision decides nothing.
    private static let boxes = ["NULL, NULL, NULL, NULL", "1.005, 0.505, 1.295, 0.795", "-0.5, 0.205, 2.395, 3.595", "0.005, 0.005, 3.895, 1.095"]

    @Test("The nearest are those that SQL finds, however little codes tell", arguments: [2, 16, 256]) func sameNearest(_ dimension: Int) throws {
        let (f, looks) = try filled(dimension, tiles: 4000)
        var rows = 0
        for turn in 0..<48 {
            let query = turn.isMultiple(of: 2) ? looks[turn * 83] : StoreFixture.direction(60_000 + turn, dimension)
            try f.store.connection.query("SELECT tilescout.native_codes_way($1::int)", [turn / 8 % 3])
            let found = try differences(f, query, Self.boxes[turn / 2 % 4], [1, 10, 60, 400][turn / 3 % 4])
            #expect(found.different == 0, "turn \(turn)")
            rows += found.rows
        }
        #expect(rows > 3000)
    }

    @Test("Cells without codes, and codes of other versions, are compared themselves") func missingAndForeignCodes() throws {
        let (f, looks) = try filled(16, tiles: 4000)
        for change in [
            "UPDATE tilescout.code SET codes = overlay(codes PLACING '\\x0000c07f' FROM 17 FOR 4)",  // the first scale of each row: no number
            "DELETE FROM tilescout.code WHERE cell_id % 3 = 0", "UPDATE tilescout.code SET codes = set_byte(codes, 0, 99)", "TRUNCATE tilescout.code",
        ] {
            try f.store.connection.execute(script: change)
            for box in Self.boxes { #expect(try differences(f, looks[77], box, 25).different == 0) }
        }
    }

    @Test("What is published without the extension is coded once the server has it, and codes go with their cells") func codesFollowCells() throws {
        let (f, looks) = try filled(16, tiles: 1000, published: false)
        let settle = "SELECT tilescout.settle_packs($1)"
        try f.store.connection.query(settle, [false])
        try f.store.finish(f.run, .published)
        #expect(try uncoded(f) == 1000)
        try f.store.connection.query(settle, [true])
        #expect(try uncoded(f) == 0)
        #expect(try differences(f, looks[7], Self.boxes[0], 25).different == 0)
        let before: Int = try f.store.connection.query("SELECT count(*) AS n FROM tilescout.code")[0]["n"]
        try f.store.connection.query("SELECT tilescout.settle_packs($1), tilescout.code_run(\(f.run.id))", [true])
        #expect(try f.store.connection.query("SELECT count(*) AS n FROM tilescout.code")[0]["n"] == before)
        _ = try f.store.forget(sceneID: 1)
        #expect(try f.store.connection.query("SELECT FROM tilescout.code").isEmpty)
    }
}
