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

    /// Two published runs of 4,000 tiles of eight scenes each, `indexed` of them in the index and in lists; or of small scenes, which share cells, every seventh without a date.
    func filled(_ store: TileStore? = nil, indexed: Int = 2, placedByLook: Bool = false, small: Bool = false) throws -> (f: StoreFixture, looks: [[Float]]) {
        var random = SeededRandom(seed: 5), f = try StoreFixture(dimension: Self.dimension, store: store), looks: [[Float]] = []
        for run in 0..<2 {
            if run > 0 { f.run = try f.store.beginRun(f.run.request) }
            for part in 0..<8 {
                let scenes = try (0..<(small ? 10 : 1)).map { number in
                    let day = 100 * run + part + (small ? Int.random(in: 0...90, using: &random) : 0)
                    return try f.addScene(100 * (8 * run + part) + number, acquired: small && number % 7 == 0 ? nil : StoreFixture.day(day))
                }
                let first = looks.count
                // One look, or all.
                looks += (0..<500).map { Self.look(placedByLook ? part : first + $0, &random) }
                let rows = (first..<first + 500).map { f.row($0, scene: scenes[$0 / 7 % scenes.count], at: (Double(part) + Double.random(in: 0...2, using: &random), Double.random(in: 0...9, using: &random)), embedding: looks[$0]) }
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

    func questions(_ looks: [[Float]], _ count: Int) -> [[Float]] {
        (0..<count).map { $0 % 3 == 0 ? StoreFixture.direction(90_000 + $0, Self.dimension) : looks[$0 * 61 % looks.count] }
    }

    @Test("Lists hold each vector once, and what is near is found in them") func listsHoldAll() throws {
        let (f, looks) = try filled()
        let held = try f.held()
        #expect(held.vectors == 8000 && held.lists > 15 && held.generation != nil)
        var found = try f.recall(questions(looks, 120))
        #expect(found.share >= 0.995 && found.byLists >= 90, "\(found)")
        found = try f.recall(questions(looks, 40), dates: "'[2020-09-15,2020-12-25)'::tstzrange")
        #expect(found.share >= 0.995 && found.byLists >= 10, "\(found)")
        try f.store.connection.execute(script: "SELECT tilescout.native_codes_way(0)")
        #expect(try f.recall(questions(looks, 40)).share >= 0.995)
    }

    @Test("In cells of scenes of several dates and of none, lists find what is near in any dates") func mixedCells() throws {
        let (f, looks) = try filled(small: true)
        #expect(try f.mixedCells() >= 10)
        var random = SeededRandom(seed: 7), found = Recall()
        for turn in 0..<60 {
            let k = Int(pow(10, Double.random(in: 0...2.5, using: &random)))
            found += try f.recall([questions(looks, 60)[turn]], areas: [StoreFixture.areas[turn % StoreFixture.areas.count]], dates: StoreFixture.dates(&random, days: 200), k: k)
        }
        #expect(found.share >= 0.995 && found.byLists >= 30, "\(found)")
    }

    /// The first lists tell how much of what looks like the query lies in the area.
    @Test("Lists are asked where look and place go together, and all is compared where they are at odds") func listsAreTried() throws {
        let (f, looks) = try filled(placedByLook: true), area = ["tilescout.bbox(4.3, 0, 5.7, 9)"]
        // Of three scenes' tiles, which may lie there, comparing takes so long that lists are worth it where more than that share of them passes.
        try f.plan(exactMicroseconds: "600 + 0.4 * rows")
        // Seven of ten tiles of the fifth scene lie there, and none of the eighth.
        func asked(scene: Int) throws -> Recall { try f.recall((0..<40).map { looks[500 * scene + $0] }, areas: area, k: 150) }
        let together = try asked(scene: 4), atOdds = try asked(scene: 7)
        #expect(together.share >= 0.995 && together.byLists >= 36, "\(together)")
        #expect(atOdds.share == 1 && atOdds.byLists == 0, "\(atOdds)")
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
        let found = try f.recall(questions, areas: ["NULL"], k: 49)
        #expect(found.share >= 0.998 && found.byLists == 20, "\(found)")
    }

    @Test("Younger runs, those that are rolled back and forgotten scenes: answers show what is published now") func listsMeetChanges() throws {
        let (f, looks) = try filled(indexed: 1)
        #expect(try f.held().vectors == 4000)
        var found = try f.recall(questions(looks, 60))
        #expect(found.share >= 0.995 && found.byLists >= 40, "\(found)")
        for scene in [2, 3, 11] { _ = try f.store.forget(sceneID: scene) }
        found = try f.recall(questions(looks, 60))
        #expect(found.share >= 0.995 && found.byLists >= 40, "\(found)")
        #expect(try f.store.buildIndexes(model: f.model.name, force: true).action == "built")
        #expect(try f.held().vectors == 6500)
        _ = try f.store.connection.query("SELECT tilescout.rollback_run(\(f.run.id))")
        found = try f.recall(questions(looks, 60))
        #expect(found.share >= 0.995 && found.byLists >= 40, "\(found)")
    }

    @Test("Lists go where a run in them is laid down anew, and come back with the next build") func listsAreForgotten() throws {
        let (f, looks) = try filled()
        let before = try f.held().generation
        try f.store.connection.execute(script: "SET ROLE tilescout_ingest; SELECT tilescout.summarise_run(1); RESET ROLE")
        #expect(try f.held().vectors == 0 && f.held().generation == nil)
        let exact = try f.recall(questions(looks, 12))
        #expect(exact.share == 1 && exact.byLists == 0, "\(exact)")
        _ = try f.store.buildIndexes(model: f.model.name, force: true)
        #expect(try f.held().vectors == 8000 && f.held().generation != before)
        #expect(try f.recall(questions(looks, 24)).share >= 0.995)
    }

    @Test("Lists that are made while a run in them is laid down anew hold what is there afterwards", arguments: [false, true]) func laidDownMeanwhile(_ first: Bool) throws {
        let (f, looks) = try filled()
        if first { try f.store.connection.execute(script: "SELECT tilescout.summarise_run(1)") }
        let builder = try Elsewhere(f.anotherStore()), watcher = try f.anotherStore()
        try f.store.connection.execute(script: "BEGIN; DELETE FROM tilescout.embedding_1 WHERE scene_id = 3; SELECT tilescout.summarise_run(1)")
        builder.start { _ = try $0.connection.query("SELECT tilescout.sort_by_look(1, 2)") }
        #expect(try builder.waitUntilBlocked(watcher))
        try f.store.connection.execute(script: "COMMIT")
        builder.wait()
        #expect(try builder.error == nil && f.held().vectors == 7500, "\(String(describing: builder.error))")
        #expect(try f.recall(questions(looks, 24)).share >= 0.995)
    }

    @Test("A quiet night takes no lists away, and migrating after it makes none anew") func quietNight() throws {
        var (f, _) = try filled()
        let before = try f.held()
        f.run = try f.store.beginRun(f.run.request)
        try f.store.finish(f.run, .published)
        #expect(try f.store.buildIndexes(model: f.model.name, force: false).action == "kept")
        _ = try f.store.connection.query("SELECT tilescout.summarise_run(\(f.run.id)), tilescout.settle_looks(1)")
        #expect(try f.held() == before)
        // Its own cells were there before any index was.
        _ = try f.store.connection.query("UPDATE tilescout.model SET looks_through_run = \(f.run.id)")
        _ = try f.store.migrate()
        #expect(try f.held() == before)
    }

    /// Codes and lists say where rows lay when they were written (extension/rows.c).
    @Test("Rows that lie elsewhere by now are found all the same", arguments: ["embedding_1", "code", "look", "cell"]) func rowsMove(_ table: String) throws {
        // Parts of something else come to lie where the same parts lay.
        let order = ["code": "md5(cell_id::text), part", "look": "md5(list::text), part"][table] ?? "random()"
        let (f, looks) = try filled()
        func small() throws -> Recall {
            // By cells, which few_cells leaves to small areas.
            try f.plan(fewCells: 1000)
            defer { try? f.plan(fewCells: 1) }
            return try f.recall(questions(looks, 24))
        }
        func check() throws {
            let found = try f.recall(questions(looks, 60))
            #expect(found.share >= 0.995 && found.byLists >= 40, "\(found)")
            let exact = try small()
            #expect(exact.share >= 0.999 && exact.byLists <= 6, "\(exact)")
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
        let before = try f.held().generation
        _ = try f.store.buildIndexes(model: f.model.name)
        #expect(try (f.held().generation == before) == (table == "cell") && f.held().vectors == (table == "cell" ? 8000 : 4500))
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
