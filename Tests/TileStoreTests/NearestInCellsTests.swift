import Foundation
import PostgreSQL
import Testing
import TestCluster
import TileGrid
import TileStore

/// Vectors of packs are ranked in SQL, or by the extension tilescout_packs: to the same rows and the same distances, to the last bit.
@Suite struct NearestInCellsTests {
    private static let dimension = 16

    /// Tiles of two collections, the second of which shares a third of them with the first; many are equally far from one another.
    private func filled() throws -> StoreFixture {
        var random = SeededRandom(seed: 3), f = try StoreFixture(dimension: Self.dimension)
        for part in 0..<2 {
            if part == 1 { f.run = try f.store.beginRun(StoreFixture.request(collection: "d", model: f.model.name)) }
            let scene = try f.addScene(part)
            let rows = (part * 1000..<part * 1000 + 1500).map { number in
                f.row(
                    number, scene: scene, at: (Double.random(in: 0...9, using: &random), Double.random(in: 0...9, using: &random)),
                    valid: Float.random(in: 0...1, using: &random), cloud: part == 0 || number.isMultiple(of: 4) ? nil : Float.random(in: 0...1, using: &random),
                    embedding: StoreFixture.direction(number / 3, Self.dimension))
            }
            _ = try f.store.merge(rows, run: f.run)
            try f.store.finish(f.run, .published)
        }
        return f
    }

    private func call(_ function: String, _ arguments: String) -> String {
        "SELECT tile_id, collection_id, distance, sure FROM tilescout.\(function)(\(arguments))"
    }

    /// Some of the cells, in some order, each sure or not.
    private func cells(_ random: inout SeededRandom) -> String {
        let part = Int.random(in: 1...4, using: &random), seed = Int.random(in: 0...1000, using: &random)
        return """
            (SELECT array_agg(id ORDER BY h) FROM (SELECT id, hashint8(id + \(seed)) AS h FROM tilescout.cell) AS c WHERE h % \(part) = 0),
            (SELECT array_agg(collection_id ORDER BY h) FROM (SELECT id, collection_id, hashint8(id + \(seed)) AS h FROM tilescout.cell) AS c WHERE h % \(part) = 0),
            (SELECT array_agg(h % 3 = 0 ORDER BY h) FROM (SELECT id, hashint8(id + \(seed)) AS h FROM tilescout.cell) AS c WHERE h % \(part) = 0)
            """
    }

    /// The box of the arguments, as SQL over `west` to `north` of a tile; and the arguments without the depth, which comes last.
    private func question(_ random: inout SeededRandom) -> (inBox: String, arguments: String) {
        let vector = StoreFixture.literal(StoreFixture.direction(Int.random(in: 0...3000, using: &random), Self.dimension))
        var box = "NULL, NULL, NULL, NULL", inBox = "true"
        if Bool.random(using: &random) {
            let west = Double.random(in: 0...8, using: &random), south = Double.random(in: 0...8, using: &random)
            let east = west + Double.random(in: 0...4, using: &random), north = south + Double.random(in: 0...4, using: &random)
            box = "\(west), \(south), \(east), \(north)"
            inBox = "west <= \(east) AND east >= \(west) AND south <= \(north) AND north >= \(south)"
        }
        let valid = Bool.random(using: &random) ? "\(Float.random(in: 0...1, using: &random))" : "NULL"
        let cloud = Bool.random(using: &random) ? "\(Float.random(in: 0...1, using: &random))" : "NULL"
        var after = "NULL, NULL"
        if Bool.random(using: &random) {
            let tile = StoreFixture.id(Int.random(in: 0..<2500, using: &random))
            after = "(SELECT embedding <=> \(vector) FROM tilescout.embedding_1 WHERE tile_id = '\(tile)' LIMIT 1), '\(tile)'"
        }
        return (inBox, "\(cells(&random)), \(vector), \(box), \(valid), \(cloud), \(after)")
    }

    /// SQL leaves tiles beside the box in, of packs that meet it; the extension does not.
    @Test func theExtensionFindsWhatSQLFinds() throws {
        let f = try filled()
        var random = SeededRandom(seed: 4), rows = 0
        for _ in 0..<300 {
            let (inBox, arguments) = question(&random), depth = [1, 2, 10, 60, 257, 5000, 2_000_000].randomElement(using: &random)!
            let row = try f.store.connection.query("""
                WITH native AS (\(call("native_nearest_in_cells", "\(arguments), \(depth)"))), plain AS (\(call("plain_nearest_in_cells", "\(arguments), 2000000"))), member AS (
                    SELECT c.collection_id, x.tile AS tile_id, p.boxes[x.n][1] AS west, p.boxes[x.n][2] AS south, p.boxes[x.n][3] AS east, p.boxes[x.n][4] AS north
                    FROM tilescout.pack AS p JOIN tilescout.cell AS c ON c.id = p.cell_id CROSS JOIN LATERAL unnest(p.tiles) WITH ORDINALITY AS x (tile, n)
                ), wanted AS (
                    SELECT plain.* FROM plain JOIN member USING (tile_id, collection_id) WHERE sure OR \(inBox)
                    ORDER BY distance, tile_id, collection_id LIMIT \(depth)
                )
                SELECT (SELECT count(*) FROM native) AS found, (SELECT count(*) FROM wanted) AS wanted,
                       (SELECT count(*) FROM (TABLE native EXCEPT ALL TABLE wanted) AS x) AS different
                """)[0]
            #expect(try row["found"] as Int == row["wanted"], "\(arguments)")
            #expect(try row["different"] as Int == 0, "\(arguments)")
            rows += try row["found"] as Int
        }
        #expect(rows > 10_000)
    }

    @Test func boxesHoldFootprintsClosely() throws {
        let f = try filled()
        let row = try f.store.connection.query("""
            SELECT count(*) AS tiles, count(*) FILTER (WHERE b[1] <= ST_XMin(f) AND b[2] <= ST_YMin(f) AND b[3] >= ST_XMax(f) AND b[4] >= ST_YMax(f)) AS held,
                   max(greatest(ST_XMin(f) - b[1], ST_YMin(f) - b[2], b[3] - ST_XMax(f), b[4] - ST_YMax(f))) AS slack
            FROM (
                SELECT t.footprint AS f, ARRAY[p.boxes[x.n][1], p.boxes[x.n][2], p.boxes[x.n][3], p.boxes[x.n][4]]::double precision[] AS b
                FROM tilescout.pack AS p JOIN tilescout.cell AS c ON c.id = p.cell_id CROSS JOIN LATERAL unnest(p.tiles) WITH ORDINALITY AS x (tile, n)
                JOIN tilescout.tile AS t ON t.id = x.tile AND t.collection_id = c.collection_id
            ) AS member
            """)[0]
        let (tiles, held, slack): (Int, Int, Double) = (try row["tiles"], try row["held"], try row["slack"])
        #expect(tiles == 3000 && held == 3000 && slack < 1e-4)
    }

    @Test func nothingToRankIsNoError() throws {
        let f = try filled()
        let vector = StoreFixture.literal(StoreFixture.direction(1, Self.dimension))
        for arguments in [
            "NULL, NULL, NULL, \(vector), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 10",
            "'{}', '{}', '{}', \(vector), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 10",
            "'{1}', '{1}', '{f}', \(vector), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 10",
            "(SELECT array_agg(id) FROM tilescout.cell), (SELECT array_agg(1) FROM tilescout.cell), (SELECT array_agg(false) FROM tilescout.cell), \(vector), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0",
        ] { #expect(try f.store.connection.query(call("native_nearest_in_cells", arguments)).count == 0) }
    }

    @Test(arguments: [
        ("'{1,NULL}', '{1,1}', '{f,f}', '[1,0]'", "must be as long as one another, without NULL"),
        ("'{1,2}', '{1}', '{f,f}', '[1,0]'", "must be as long as one another, without NULL"),
        ("'{1}', '{1}', NULL, '[1,0]'", "must be as long as one another, without NULL"),
        ("(SELECT array_agg(id) FROM tilescout.cell), (SELECT array_agg(1) FROM tilescout.cell), (SELECT array_agg(false) FROM tilescout.cell), '[1,0]'", "different halfvec dimensions"),
    ]) func wrongArgumentsAreRefused(_ arguments: String, _ reason: String) throws {
        let f = try filled()
        let error = #expect(throws: PostgreSQLError.self) {
            try f.store.connection.query(call("native_nearest_in_cells", arguments + ", NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 10"))
        }
        #expect("\(try #require(error))".contains(reason))
        // The session lives.
        #expect(try f.store.connection.query("SELECT 1").count == 1)
    }

    @Test func itReadsWithTheRightsOfTheCaller() throws {
        let f = try filled()
        var random = SeededRandom(seed: 9)
        let arguments = question(&random).arguments + ", 10"
        try f.store.connection.execute(script: "GRANT USAGE ON SCHEMA tilescout TO PUBLIC; GRANT SELECT ON tilescout.cell, tilescout.embedding_1 TO PUBLIC")
        try f.store.connection.execute(script: "SET ROLE pg_monitor")
        let error = #expect(throws: PostgreSQLError.self) { try f.store.connection.query(call("native_nearest_in_cells", arguments)) }
        #expect("\(try #require(error))".contains("permission denied for table code"))
    }

    /// Where `tilescout.nearest_in_cells` goes.
    private func way(_ f: StoreFixture) throws -> String { try f.store.connection.query("SELECT prosrc FROM pg_proc WHERE proname = 'nearest_in_cells'")[0]["prosrc"] }

    private func settle(_ f: StoreFixture, _ wanted: Bool) throws -> String { try f.store.connection.query("SELECT tilescout.settle_packs($1) AS way", [wanted])[0]["way"] }

    /// Taken where the server has it, given back when told to, and searches never notice.
    @Test func settlingChoosesTheWay() throws {
        let f = try filled()
        let request = SearchRequest(embedding: StoreFixture.direction(77, Self.dimension), k: 25)
        #expect(try way(f).contains("native_nearest_in_cells"))
        let byExtension = try f.store.search(request)
        #expect(try settle(f, false) == "in SQL")
        #expect(try !way(f).contains("native_nearest_in_cells"))
        #expect(try f.store.search(request).hits == byExtension.hits)
        #expect(try Migrator(connection: f.store.connection).settlePacks() == "by the extension tilescout_packs")
        #expect(try way(f).contains("native_nearest_in_cells"))
        #expect(try settle(f, true) == "by the extension tilescout_packs")
        #expect(try f.store.search(request).hits == byExtension.hits)
    }

    @Test func theStartOfAnIngestDoesNotBringBackWhatAnOperatorDropped() throws {
        let f = try StoreFixture()
        #expect(try settle(f, false) == "in SQL")
        #expect(try f.store.migrate().applied.isEmpty)
        #expect(try !way(f).contains("native_nearest_in_cells"))
        #expect(try f.store.connection.query("SELECT FROM pg_extension WHERE extname = 'tilescout_packs'").count == 0)
    }

    /// A superuser has made the extension by hand, and nobody has settled since: who merely ingests may replace no function, and need not.
    @Test func whoDoesNotOwnTheFunctionsStartsAllTheSame() throws {
        let f = try StoreFixture()
        _ = try settle(f, false)
        try f.store.connection.execute(script: "CREATE EXTENSION tilescout_packs SCHEMA tilescout; SET ROLE tilescout_ingest")
        #expect(try f.store.migrate().applied.isEmpty)
        #expect(try Migrator(connection: f.store.connection).settlePacks() == nil)
        try f.store.connection.execute(script: "RESET ROLE")
        #expect(try !way(f).contains("native_nearest_in_cells"))
    }
}
