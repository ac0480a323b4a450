import Foundation
import PostgreSQL
import Testing
import TestCluster
import TileGrid
import TileStore

/// Lists of vectors that look alike, which searches of large areas by the extension look into.
@Suite struct LooksTests {
    private static let dimension = 32

    /// 200 looks, each of some 40 tiles that are a little different; places have nothing to do with them, but scenes lie side by side.
    private static func look(_ number: Int, _ random: inout SeededRandom) -> [Float] {
        StoreFixture.unit(StoreFixture.direction(number % 200, dimension).map { $0 + Float.random(in: -0.08...0.08, using: &random) })
    }

    /// Two published runs of 4,000 tiles of eight scenes each, `indexed` of them in the index and in lists.
    private func filled(indexed: Int = 2, placedByLook: Bool = false) throws -> (f: StoreFixture, looks: [[Float]]) {
        var random = SeededRandom(seed: 5), f = try StoreFixture(dimension: Self.dimension), looks: [[Float]] = []
        for run in 0..<2 {
            if run > 0 { f.run = try f.store.beginRun(f.run.request) }
            for part in 0..<8 {
                let scene = try f.addScene(8 * run + part, acquired: Date(timeIntervalSince1970: 1_600_000_000 + 86_400 * Double(100 * run + part)))
                let first = looks.count
                // One look, or all.
                looks += (0..<500).map { Self.look(placedByLook ? part : first + $0, &random) }
                let rows = (first..<first + 500).map { f.row($0, scene: scene, at: (Double(part) + Double.random(in: 0...2, using: &random), Double.random(in: 0...9, using: &random)), embedding: looks[$0]) }
                _ = try f.store.merge(rows, run: f.run)
            }
            try f.store.finish(f.run, .published)
            if run == indexed - 1 { #expect(try f.store.buildIndexes(model: f.model.name, force: true).action == "built") }
        }
        try makeLarge(f)
        return (f, looks)
    }

    /// As if the table were large: lists are asked where the area is of more than a few cells.
    private func makeLarge(_ f: StoreFixture) throws {
        try f.plan(fewCells: 1, exactMicroseconds: "600 + rows")
        try f.store.connection.execute(script: "ANALYZE")
    }

    /// Vectors in lists, and what the lists' middles say of how many there are.
    private func held(_ f: StoreFixture) throws -> (vectors: Int, lists: Int, generation: Int?) {
        let row = try f.store.connection.query("""
            SELECT coalesce(sum(get_byte(l.codes, 4) + 256 * get_byte(l.codes, 5)) FILTER (WHERE l.list >= 0), 0)::bigint AS vectors, count(DISTINCT l.list) FILTER (WHERE l.list >= 0) AS lists,
                   (SELECT m.looks_generation FROM tilescout.model AS m) AS generation FROM tilescout.look AS l
            """)[0]
        return (try row["vectors"], try row["lists"], try row["generation"])
    }

    private static let areas = ["NULL", "tilescout.bbox(0, 0, 9.2, 9.2)", "ST_GeomFromText('POLYGON((0 0, 9 1, 8 9, 1 8, 0 0))', 4326)", "tilescout.bbox(1, 1, 6, 7)"]

    /// How much of what comparing every vector finds `tilescout.search` finds, of so many questions; and how often by lists.
    private func recall(_ f: StoreFixture, _ questions: [[Float]], areas: [String] = areas, dates: String = "NULL", k: Int = 10) throws -> (recall: Double, byLists: Int) {
        var found = 0, wanted = 0, byLists = 0
        for (turn, question) in questions.enumerated() {
            let area = areas[turn % areas.count], vector = StoreFixture.literal(question)
            let row = try f.store.connection.query("""
                WITH answer AS MATERIALIZED (SELECT * FROM tilescout.search(embedding => \(vector), k => \(k), within => \(area), acquired => \(dates))), truth AS (
                    SELECT e.tile_id, e.embedding <=> \(vector) AS distance FROM tilescout.embedding_1 AS e JOIN tilescout.run AS r ON r.id = e.run_id AND r.state = 'published'
                    WHERE (\(area)::geometry IS NULL OR ST_Intersects(e.footprint, \(area))) AND (\(dates)::tstzrange IS NULL OR e.acquired_at <@ \(dates)::tstzrange)
                    ORDER BY 2, 1 LIMIT \(k)
                )
                SELECT (SELECT count(*) FROM answer) AS rows, (SELECT count(*) FROM truth) AS wanted, (SELECT count(*) FROM answer JOIN truth USING (tile_id, distance)) AS found
                """)[0]
            #expect(try row["rows"] as Int == row["wanted"], "turn \(turn)")
            found += try row["found"]
            wanted += try row["wanted"]
            let way: String = try f.store.connection.query("SELECT tilescout.native_search_way() AS way")[0]["way"]
            byLists += way == "lists" ? 1 : 0
        }
        return (Double(found) / Double(wanted), byLists)
    }

    private func questions(_ looks: [[Float]], _ count: Int) -> [[Float]] {
        (0..<count).map { $0 % 3 == 0 ? StoreFixture.direction(90_000 + $0, Self.dimension) : looks[$0 * 61 % looks.count] }
    }

    @Test("Lists hold each vector once, and what is near is found in them") func listsHoldAll() throws {
        let (f, looks) = try filled()
        let held = try held(f)
        #expect(held.vectors == 8000 && held.lists > 15 && held.generation != nil)
        var found = try recall(f, questions(looks, 120))
        #expect(found.recall >= 0.995 && found.byLists >= 90, "\(found)")
        found = try recall(f, questions(looks, 40), dates: "'[2020-09-15,2020-12-25)'::tstzrange")
        #expect(found.recall >= 0.995 && found.byLists >= 10, "\(found)")
        try f.store.connection.execute(script: "SELECT tilescout.native_plain_codes(true)")
        #expect(try recall(f, questions(looks, 40)).recall >= 0.995)
    }

    /// The first lists tell how much of what looks like the query lies in the area.
    @Test("Lists are asked where look and place go together, and all is compared where they are at odds") func listsAreTried() throws {
        let (f, looks) = try filled(placedByLook: true), area = ["tilescout.bbox(4.3, 0, 5.7, 9)"]
        // Of three scenes' tiles, which may lie there, comparing takes so long that lists are worth it where more than that share of them passes.
        try f.plan(exactMicroseconds: "600 + 0.25 * rows")
        // Seven of ten tiles of the fifth scene lie there, and none of the eighth.
        func asked(scene: Int) throws -> (recall: Double, byLists: Int) { try recall(f, (0..<40).map { looks[500 * scene + $0] }, areas: area, k: 150) }
        let together = try asked(scene: 4), atOdds = try asked(scene: 7)
        #expect(together.recall >= 0.995 && together.byLists >= 36, "\(together)")
        #expect(atOdds == (1, 0), "\(atOdds)")
    }

    /// A query's nearest 48 lie in one list, with them one that is far away, and one that is not quite as far in a list that is not like the query.
    @Test("Where few tiles look like the query, those that do next are found wherever they are") func rareLooks() throws {
        let dimension = 128, f = try StoreFixture(dimension: dimension), scene = try f.addScene(0)
        var random = SeededRandom(seed: 6)
        func direction() -> [Float] { StoreFixture.direction(dimension, using: &random) }
        func between(_ a: [Float], _ b: [Float], _ share: Float) -> [Float] { StoreFixture.unit(zip(a, b).map { share * $0 + (1 - share * share).squareRoot() * $1 }) }
        let questions = (0..<20).map { _ in direction() }, others = (0..<400).map { _ in direction() }
        var looks = questions.flatMap { question in (0..<48).map { _ in between(question, direction(), 0.99) } + [between(question, direction(), 0.5)] }
        for (question, other) in zip(questions, others) { looks.append(between(question, other, 0.56)) }
        while looks.count < 24_000 { looks.append(between(others[looks.count % others.count], direction(), 0.7)) }
        _ = try f.store.merge(looks.indices.map { f.row($0, scene: scene, at: (Double($0 % 200) / 20, Double($0 / 200) / 20), embedding: looks[$0]) }, run: f.run)
        try f.store.finish(f.run, .published)
        #expect(try f.store.buildIndexes(model: f.model.name, force: true).action == "built")
        try makeLarge(f)
        let found = try recall(f, questions, areas: ["NULL"], k: 49)
        #expect(found.recall >= 0.998 && found.byLists == 20, "\(found)")
    }

    @Test("Younger runs, those that are rolled back and forgotten scenes: answers show what is published now") func listsMeetChanges() throws {
        let (f, looks) = try filled(indexed: 1)
        #expect(try held(f).vectors == 4000)
        var found = try recall(f, questions(looks, 60))
        #expect(found.recall >= 0.995 && found.byLists >= 40, "\(found)")
        for scene in [2, 3, 11] { _ = try f.store.forget(sceneID: scene) }
        found = try recall(f, questions(looks, 60))
        #expect(found.recall >= 0.995 && found.byLists >= 40, "\(found)")
        #expect(try f.store.buildIndexes(model: f.model.name, force: true).action == "built")
        #expect(try held(f).vectors == 6500)
        _ = try f.store.connection.query("SELECT tilescout.rollback_run(\(f.run.id))")
        found = try recall(f, questions(looks, 60))
        #expect(found.recall >= 0.995 && found.byLists >= 40, "\(found)")
    }

    @Test("Lists go where a run in them is laid down anew, and come back with the next build") func listsAreForgotten() throws {
        let (f, looks) = try filled()
        let before = try held(f).generation
        try f.store.connection.execute(script: "SET ROLE tilescout_ingest; SELECT tilescout.summarise_run(1); RESET ROLE")
        #expect(try held(f).vectors == 0 && held(f).generation == nil)
        #expect(try recall(f, questions(looks, 12)) == (1, 0))
        _ = try f.store.buildIndexes(model: f.model.name, force: true)
        #expect(try held(f).vectors == 8000 && held(f).generation != before)
        #expect(try recall(f, questions(looks, 24)).recall >= 0.995)
    }

    /// Codes and lists say where rows lay when they were written (extension/rows.c).
    @Test("Rows that lie elsewhere by now are found all the same", arguments: ["embedding_1", "code", "look", "cell"]) func rowsMove(_ table: String) throws {
        // Parts of something else come to lie where the same parts lay.
        let order = ["code": "md5(cell_id::text), part", "look": "md5(list::text), part"][table] ?? "random()"
        let (f, looks) = try filled()
        func small() throws -> (recall: Double, byLists: Int) {
            // By cells, which few_cells leaves to small areas.
            try f.plan(fewCells: 1000)
            defer { try? f.plan(fewCells: 1) }
            return try recall(f, questions(looks, 24))
        }
        func check() throws {
            let found = try recall(f, questions(looks, 60))
            #expect(found.recall >= 0.995 && found.byLists >= 40, "\(found)")
            let exact = try small()
            #expect(exact.recall >= 0.999 && exact.byLists <= 6, "\(exact)")
        }
        try check()
        // In another order, where others lay; then fewer of them in fewer pages.
        for statement in [
            "CREATE TEMP TABLE shuffled AS SELECT * FROM tilescout.\(table) ORDER BY \(order)", "SET session_replication_role = replica", "DELETE FROM tilescout.\(table)",
            "VACUUM tilescout.\(table)", "INSERT INTO tilescout.\(table) SELECT * FROM shuffled", "RESET session_replication_role", "ANALYZE tilescout.\(table)",
        ] { try f.store.connection.execute(script: statement) }
        try check()
        try f.store.connection.execute(script: "VACUUM FULL tilescout.\(table)")
        try check()
        for scene in [2, 3, 4, 5, 6, 7, 8] { _ = try f.store.forget(sceneID: scene) }
        try f.store.connection.execute(script: "VACUUM FULL tilescout.\(table)")
        try check()
        // The next build says where they lie now: all is coded anew, unless it is cells that have moved, which nothing finds by their places.
        let before = try held(f).generation
        _ = try f.store.buildIndexes(model: f.model.name)
        #expect(try (held(f).generation == before) == (table == "cell") && held(f).vectors == (table == "cell" ? 8000 : 4500))
        try check()
    }

    @Test("Other sessions see lists that are made anew") func sessionsSeeNewLists() throws {
        let (f, looks) = try filled()
        let other = try f.anotherStore()
        let arguments = "embedding => \(StoreFixture.literal(looks[5])), k => 10"
        let search = "SELECT array_agg(tile_id ORDER BY rank)::text AS tiles FROM tilescout.search(\(arguments))"
        let before: String = try other.connection.query(search)[0]["tiles"]
        try f.store.connection.execute(script: "BEGIN; SELECT tilescout.sort_by_look(1, 2)")
        #expect(try other.connection.query(search)[0]["tiles"] == before)
        #expect(try f.store.connection.query(search)[0]["tiles"] == before)
        try f.store.connection.execute(script: "ROLLBACK")
        #expect(try f.store.connection.query(search)[0]["tiles"] == before)
        try f.store.connection.execute(script: "SELECT tilescout.sort_by_look(1, 2)")
        #expect(try other.connection.query(search)[0]["tiles"] == before)
        #expect(try other.connection.query("SELECT tilescout.native_search_way() AS way")[0]["way"] == "lists")
    }
}
