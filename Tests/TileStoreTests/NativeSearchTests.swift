import Foundation
import PostgreSQL
import Testing
import TestCluster
import TileGrid
import TileStore

/// `tilescout.search` where the extension answers it, beside what SQL answers to the same question: every column of every row.
@Suite("Searches by the extension") struct NativeSearchTests {
    private static let dimension = 16

    enum Index: CaseIterable { case none, whole, older }

    /// Small scenes, which share cells with others of other dates and of none: here and there, and on both sides of the antimeridian, and across it.
    private func addSmallScenes(_ f: StoreFixture, part: Int, first: Int, _ random: inout SeededRandom) throws {
        var rows: [TileRow] = []
        for number in 0..<45 {
            let scene = try f.addScene(100 * (part + 1) + number, acquired: number % 5 == 0 ? nil : StoreFixture.day(Int.random(in: 0...360, using: &random)))
            let west = number % 6 == 0 ? 179.55 : number % 6 == 1 ? -180 : Double.random(in: 0...9, using: &random), south = Double.random(in: 0...9, using: &random)
            for tile in 0..<9 {
                rows.append(f.row(
                    first + 9 * number + tile, scene: scene, at: (west + 0.2 * Double(tile % 3), south + 0.2 * Double(tile / 3)), side: 0.19,
                    valid: Float.random(in: 0...1, using: &random), cloud: tile == 0 ? nil : Float.random(in: 0...1, using: &random)))
            }
        }
        _ = try f.store.merge(rows, run: f.run)
    }

    /// Three collections that share tiles, scenes of several dates and of none, large and small, some forgotten, and a run that nobody has published.
    private func filled(_ index: Index = .none) throws -> StoreFixture {
        var random = SeededRandom(seed: 11), f = try StoreFixture(dimension: Self.dimension)
        var first = 0
        for (part, collection) in ["c", "d", "c", "e"].enumerated() {
            if part > 0 { f.run = try f.store.beginRun(StoreFixture.request(collection: collection, model: f.model.name)) }
            for number in 0..<4 {
                let scene = try f.addScene(10 * part + number, acquired: number == 0 ? nil : StoreFixture.day(part * 100 + number * 20))
                let rows = (first..<first + 600).map { tile in
                    f.row(
                        tile, scene: scene, at: (Double.random(in: 0...9, using: &random), Double.random(in: 0...9, using: &random)),
                        side: Double.random(in: 0.01...0.3, using: &random), turned: tile.isMultiple(of: 2) ? Double.random(in: 0...1, using: &random) : 0, valid: Float.random(in: 0...1, using: &random),
                        cloud: tile.isMultiple(of: 3) ? nil : Float.random(in: 0...1, using: &random))
                }
                first += 500
                _ = try f.store.merge(rows, run: f.run)
            }
            // Some are in the older index.
            if part % 2 == 0 { try addSmallScenes(f, part: part, first: 10_000 * (part + 1), &random) }
            if part < 3 { try f.store.finish(f.run, .published) }
            if part == (index == .older ? 1 : 3), index != .none { #expect(try f.store.buildIndexes(model: f.model.name, force: true).action == "built") }
        }
        try f.store.connection.query("DELETE FROM tilescout.scene WHERE path IN ('/scenes/12.tif', '/scenes/107.tif', '/scenes/305.tif')")
        if index != .none {
            // Every table is large compared with this one: lists are asked for more than a few cells; and SQL, which is told that there are none, compares all.
            try f.replace("lists_serve() RETURNS boolean", "SELECT false")
            try f.plan(fewCells: 3, exactMicroseconds: "600 + rows")
        }
        try f.store.connection.execute(script: "ANALYZE")
        return f
    }

    /// What `tilescout.search` answers and what SQL answers to the same: rows that are not the same, rows that are missing, and rows that no answer may hold.
    private func ask(_ store: TileStore, _ arguments: String, passing: String = "true") throws -> (rows: Int, different: Int, missing: Int, amiss: Int, way: String) {
        let row = try store.connection.query("""
            WITH answer AS MATERIALIZED (SELECT * FROM tilescout.search(\(arguments))), plain AS MATERIALIZED (
                SELECT p.* FROM tilescout.run_search(\(arguments)) AS a CROSS JOIN LATERAL tilescout.present(a.tiles, a.tile_collections, a.distances) AS p
            )
            SELECT (SELECT count(*) FROM answer) AS rows, \(Recall.amiss(passing: passing)) AS amiss,
                   (SELECT count(*) FROM (TABLE answer EXCEPT ALL TABLE plain) AS x) + (SELECT count(*) FROM (TABLE plain EXCEPT ALL TABLE answer) AS x) AS different,
                   (SELECT count(*) FROM (SELECT tile_id, collection FROM plain EXCEPT SELECT tile_id, collection FROM answer) AS x) AS missing
            """)[0]
        let way: String = try store.connection.query("SELECT tilescout.native_search_way() AS way")[0]["way"]
        return (try row["rows"], try row["different"], try row["missing"], try row["amiss"], way)
    }

    @Test("Every row is the one that SQL finds", arguments: Index.allCases) func sameAnswers(_ index: Index) throws {
        let f = try filled(index)
        var random = SeededRandom(seed: index == .none ? 22 : 21), ways: [String: Int] = [:], rows = 0, empty = 0, many = 0, far = 0, byLists = (rows: 0, missing: 0, many: 0)
        #expect(try f.mixedCells() >= 4)
        for _ in 0..<400 {
            let question = NativeQuestion.random(dimension: Self.dimension, &random), answer = try ask(f.store, question.sql, passing: question.passing)
            #expect(answer.amiss == 0, "\(answer.way): \(question.sql)")
            // Lists need not find everything.
            if answer.way == "lists" {
                byLists = (byLists.rows + answer.rows, byLists.missing + answer.missing, byLists.many + (answer.rows > 100 ? 1 : 0))
            } else { #expect(answer.different == 0, "\(answer.way): \(question.sql)") }
            ways[answer.way, default: 0] += 1
            rows += answer.rows
            empty += answer.rows == 0 ? 1 : 0
            many += answer.rows > 100 ? 1 : 0
            // Boxes all lie at the antimeridian.
            far += answer.rows > 0 && question.sql.contains("tilescout.bbox") ? 1 : 0
        }
        print("ways: \(ways), \(rows) rows, \(empty) empty, \(many) of many, \(far) at the antimeridian, lists: \(byLists)")
        #expect(byLists.missing <= byLists.rows / 200)
        #expect(rows > 3000 && empty >= 20 && many >= 10 && far >= 10 && (index == .none || byLists.many >= 3))
        for way in ["cells", "all cells", "in full"] + (index == .none ? [] : ["lists"]) { #expect(ways[way, default: 0] >= 10, "\(way)") }
    }

    @Test("Tiles that are gone are not found, and those that look like them are") func tilesThatAreGone() throws {
        let f = try StoreFixture(dimension: Self.dimension), scene = try f.addScene(0)
        var random = SeededRandom(seed: 43)
        let looks = (0..<2000).map { StoreFixture.unit(StoreFixture.direction($0 % 5, Self.dimension).map { $0 + Float.random(in: -0.001...0.001, using: &random) }) }
        _ = try f.store.merge(looks.indices.map { f.row($0, scene: scene, at: (Double($0 % 40) / 10, Double($0 / 40) / 10), embedding: looks[$0]) }, run: f.run)
        try f.store.finish(f.run, .published)
        // Codes, and the packs beside them, go with cells.
        try f.store.connection.execute(script: "DELETE FROM tilescout.tile WHERE id IN (SELECT x.id FROM (SELECT id, row_number() OVER (ORDER BY id) AS row FROM tilescout.tile) AS x WHERE x.row % 2 = 0); ANALYZE")
        for number in 0..<40 {
            let answer = try ask(f.store, "embedding => \(StoreFixture.literal(looks[number * 41])), k => 20, within => tilescout.bbox(0.05, 0.05, 3.55, 3.55)")
            #expect(answer.rows == 20 && answer.different == 0 && answer.way == "cells", "question \(number): \(answer)")
        }
    }

    /// What is asked beyond look, area and dates.
    private static let filters: [String] = [
        "collections => '{c,d}'", "min_valid => 0.4", "max_cloud => 0.5", "near => ST_SetSRID(ST_MakePoint(4, 5), 4326), radius => 300000", "resolution => '[5,15)'", "one_per_place => true",
        "LIKE, exclude_scene => true", "LIKE, exclude_place => true, exclude_self => false", "positives => ARRAY[TILE, OTHER], negatives => ARRAY[THIRD]",
    ]

    @Test("By lists SQL finds what comparing all finds, whatever is asked", arguments: [Index.whole, .older]) func everyFilter(_ index: Index) throws {
        let f = try filled(index)
        var random = SeededRandom(seed: 41), found = 0, wanted = 0, byLists: [String: Int] = [:]
        func tile() -> String { "(SELECT tile_id FROM tilescout.embedding_1 WHERE run_id < 4 ORDER BY tile_id OFFSET \(Int.random(in: 0..<3000, using: &random)) LIMIT 1)" }
        func answer(_ arguments: String, lists: Bool) throws -> (tiles: [String], plan: String, last: String?) {
            try f.replace("lists_serve() RETURNS boolean", "SELECT \(lists)")
            let row = try f.store.connection.query("""
                SELECT a.plan, a.rows_visited, a.tiles[cardinality(a.tiles)]::text AS last, (SELECT coalesce(string_agg(h.tile || ' ' || h.collection, ',' ORDER BY n), '')
                    FROM unnest(a.tiles, a.tile_collections) WITH ORDINALITY AS h (tile, collection, n)) AS tiles
                FROM tilescout.run_search(\(arguments)) AS a
                """)[0]
            let tiles = (try row["tiles"] as String).split(separator: ",").map(String.init)
            #expect(try row["rows_visited"] as Int >= tiles.count, "\(arguments)")
            return (tiles, try row["plan"], try row["last"])
        }
        for turn in 0..<120 {
            var filter = Self.filters[turn % Self.filters.count]
            let look = "embedding => \(StoreFixture.literal(StoreFixture.direction(Int.random(in: 0..<9000, using: &random), Self.dimension)))"
            filter = filter.contains("positives") ? filter : filter.contains("LIKE") ? filter.replacing("LIKE", with: "like_tile => TILE") : "\(look), \(filter)"
            for name in ["TILE", "OTHER", "THIRD"] { filter = filter.replacing(name, with: tile()) }
            let k = Int.random(in: 1...30, using: &random), dated = turn % 2 == 0 ? StoreFixture.dates(&random) : "NULL"
            let arguments = "\(filter), within => \(turn % 3 == 0 ? "NULL" : NativeQuestion.area(&random)), acquired => \(dated)"
            var first = try answer("\(arguments), k => \(k)", lists: true)
            var exact = try answer("\(arguments), k => \(k)", lists: false)
            // The next page, which one_per_place finds by comparing all.
            if turn % 4 == 0, !filter.contains("one_per_place"), exact.tiles.count == k, first.tiles == exact.tiles {
                let after = "after => '\(exact.last!)', k => \(k)"
                first = try answer("\(arguments), \(after)", lists: true)
                exact = try answer("\(arguments), \(after)", lists: false)
            }
            #expect(exact.plan.hasPrefix("exact") && first.tiles.count == exact.tiles.count && Set(first.tiles).count == first.tiles.count, "\(first.plan): \(arguments)")
            if first.plan.hasPrefix("lists") { byLists[Self.filters[turn % Self.filters.count], default: 0] += 1 } else { #expect(first.tiles == exact.tiles, "\(arguments)") }
            if turn % 3 == 0, !filter.contains("one_per_place") {
                let all = try Set(answer("\(arguments), k => 10000", lists: false).tiles)
                #expect(Set(first.tiles).isSubset(of: all), "\(first.plan): \(arguments)")
            }
            found += Set(first.tiles).intersection(exact.tiles).count
            wanted += exact.tiles.count
        }
        print("found \(found) of \(wanted), by lists \(byLists)")
        #expect(found >= wanted * 98 / 100 && wanted > 500)
        for filter in Self.filters { #expect(byLists[filter, default: 0] > 0, "\(filter)") }
    }

    @Test("explain_search tells how the extension answers") func explained() throws {
        let look = StoreFixture.literal(StoreFixture.direction(7, Self.dimension))
        func explain(_ f: StoreFixture, _ arguments: String) throws -> (plan: String, exact: Bool, visited: Int, returned: Int) {
            let row = try f.store.connection.query("SELECT * FROM tilescout.explain_search(embedding => \(look), k => 5, \(arguments))")[0]
            return (try row["plan"], try row["exact"], try row["rows_visited"], try row["rows_returned"])
        }
        let large = try filled(.whole)
        let lists = try explain(large, "within => NULL")
        #expect(lists.plan.hasPrefix("lists by look") && !lists.exact && (500..<7500).contains(lists.visited) && lists.returned == 5, "\(lists)")
        let full = try explain(large, "resolution => '[5,15)'")
        #expect(!full.plan.contains("lists") && full.returned == 5, "\(full)")
        let small = try filled()
        let few = try explain(small, "within => tilescout.bbox(1, 1, 2, 2)")
        #expect(few.plan.hasPrefix("exact: the area is small") && few.exact && few.visited > 5 && few.returned == 5, "\(few)")
        let all = try explain(small, "within => NULL")
        #expect(all.plan.hasPrefix("exact: all of the up to") && all.exact && all.visited > few.visited && all.returned == 5, "\(all)")
    }

    @Test("What SQL has to answer, or to refuse, it does", arguments: [
        ("embedding => '[1,0]'", "the embedding has 2 dimensions"), ("embedding => array_fill(0::real, ARRAY[16])::vector::halfvec", "has no direction"),
        ("k => 3", "nothing to look for"), ("embedding => array_fill(1::real, ARRAY[16])::vector::halfvec, like_tile => gen_random_uuid()", "two answers to one question"),
        ("like_tile => gen_random_uuid()", "there is no tile"), ("embedding => array_fill(1::real, ARRAY[16])::vector::halfvec, k => 0", "k is 0"),
        ("embedding => array_fill(1::real, ARRAY[16])::vector::halfvec, within => 'POLYGON((0 0,1 1,1 0,0 1,0 0))'::geometry", "no coordinate system"),
        ("embedding => array_fill(1::real, ARRAY[16])::vector::halfvec, within => ST_GeomFromText('POLYGON((0 0,1 1,1 0,0 1,0 0))', 4326)", "is not valid"),
        ("embedding => array_fill(1::real, ARRAY[16])::vector::halfvec, within => ST_GeomFromText('POLYGON EMPTY', 4326)", "within is empty"),
        ("embedding => array_fill(1::real, ARRAY[16])::vector::halfvec, within => ST_MakePolygon(ST_SetSRID(ST_MakeLine(ARRAY[ST_MakePoint(0, 0), ST_MakePoint(1, 0.1), ST_MakePoint('NaN', 0.5), ST_MakePoint(1, 1), ST_MakePoint(0.5, 2), ST_MakePoint(0, 0)]), 4326))", "not valid"),
        ("embedding => array_fill(1::real, ARRAY[16])::vector::halfvec, within => tilescout.bbox(0, 0, 1, 1), acquired => 'empty'", "empty range"),
        ("embedding => array_fill(1::real, ARRAY[16])::vector::halfvec, max_distance => 3", "max_distance is 3"),
        ("embedding => array_fill(1::real, ARRAY[16])::vector::halfvec, collections => '{c,elsewhere}'", "there is no collection elsewhere"),
        ("embedding => array_fill(1::real, ARRAY[16])::vector::halfvec, collections => '{c,NULL}'", "there is no collection NULL"),
        ("embedding => array_fill(1::real, ARRAY[16])::vector::halfvec, collections => '{}'", "collections is empty"),
        ("embedding => array_fill(1::real, ARRAY[16])::vector::halfvec, min_valid => 1.5", "min_valid is 1.5"),
        ("embedding => array_fill(1::real, ARRAY[16])::vector::halfvec, max_cloud => 'NaN'", "max_cloud is NaN"),
        ("embedding => array_fill(1::real, ARRAY[16])::vector::halfvec, after => gen_random_uuid()", "there is no tile"),
    ]) func refused(_ arguments: String, _ reason: String) throws {
        let f = try filled()
        let error = try #require(throws: PostgreSQLError.self) { try f.store.connection.query("SELECT * FROM tilescout.search(\(arguments))") }
        #expect("\(error)".contains(reason), "\(error)")
        #expect(try f.store.connection.query("SELECT 1").count == 1)
    }

    /// Such scenes are known to SQL alone.
    @Test("Nothing is found of a scene that a later run replaced, until that is rolled back", arguments: [Index.none, .whole]) func replaced(_ index: Index) throws {
        var f = try filled(index)
        // Otherwise it is compared with what is found without lists.
        try f.replace("lists_serve() RETURNS boolean", "SELECT true")
        let everything = "embedding => \(StoreFixture.literal(StoreFixture.direction(7, Self.dimension))), k => 10000"
        let former = try f.store.connection.query("SELECT s.id, (SELECT count(*) FROM tilescout.tile AS t WHERE t.scene_id = s.id) AS tiles FROM tilescout.scene AS s WHERE s.path = '/scenes/1.tif'")[0]
        let scene: Int = try former["id"], tiles: Int = try former["tiles"], before = try ask(f.store, everything).rows
        f.run = try f.store.beginRun(StoreFixture.request(model: f.model.name))
        let next = try f.addScene(900, path: "/scenes/1.tif")
        _ = try f.store.merge((50_000..<50_300).map { f.row($0, scene: next, at: (4, 4)) }, run: f.run)
        try f.store.finish(f.run, .published)

        /// What is like tiles of the former scene, here and there, and all there is.
        func check(_ passing: String, rows: Int) throws {
            for number in stride(from: 600, to: 1000, by: 20) {
                let area = number % 3 == 0 ? "tilescout.bbox(0, 0, 9.5, 9.5)" : "NULL"
                let answer = try ask(f.store, "embedding => \(StoreFixture.literal(StoreFixture.direction(number, Self.dimension))), k => 5, within => \(area)", passing: passing)
                #expect(answer.way == "in full" && answer.rows == 5 && answer.amiss == 0 && answer.different == 0, "\(number): \(answer)")
            }
            let all = try ask(f.store, everything, passing: passing)
            #expect(all.way == "in full" && all.rows == rows && all.amiss == 0 && all.different == 0, "\(all)")
        }
        #expect(tiles >= 400)
        try check("e.scene_id <> \(scene)", rows: before - tiles + 300)
        _ = try f.store.rollBack(runID: f.run.id)
        try check("true", rows: before)
    }

    @Test("Views of the past are left to SQL") func past() throws {
        let f = try filled()
        let question = "embedding => \(StoreFixture.literal(StoreFixture.direction(7, Self.dimension))), k => 9000"
        let all = try ask(f.store, question)
        #expect(all.way == "all cells")
        try f.store.connection.execute(script: "SET tilescout.as_of = '1'")
        let past = try ask(f.store, question)
        #expect(past.way == "in full" && past.rows < all.rows && past.different == 0)
        try f.store.connection.execute(script: "RESET tilescout.as_of")
        #expect(try ask(f.store, question).way == "all cells")
    }

    @Test("It reads with the rights of the caller, and refuses row security, which it does not apply") func rights() throws {
        let f = try filled()
        let search = "SELECT * FROM tilescout.search(embedding => array_fill(1::real, ARRAY[16])::vector::halfvec, within => tilescout.bbox(0, 0, 1, 1))"
        try f.store.connection.execute(script: "GRANT USAGE ON SCHEMA tilescout TO pg_monitor; GRANT SELECT ON ALL TABLES IN SCHEMA tilescout TO pg_monitor; REVOKE SELECT ON tilescout.tile FROM pg_monitor")
        try f.store.connection.execute(script: "SET ROLE pg_monitor")
        var error = try #require(throws: PostgreSQLError.self) { try f.store.connection.query(search) }
        #expect("\(error)".contains("permission denied for table tile"))
        try f.store.connection.execute(script: "RESET ROLE; GRANT SELECT ON tilescout.tile TO pg_monitor; ALTER TABLE tilescout.tile ENABLE ROW LEVEL SECURITY; SET ROLE pg_monitor")
        error = try #require(throws: PostgreSQLError.self) { try f.store.connection.query(search) }
        #expect("\(error)".contains("row security"))
    }

    @Test("Tables that are not what they should be are told, and do no harm", arguments: [
        ("ALTER TABLE tilescout.collection RENAME TO other; CREATE VIEW tilescout.collection AS TABLE tilescout.other", "no table with rows of its own"),
        ("ALTER TABLE tilescout.embedding_1 ALTER footprint DROP NOT NULL; UPDATE tilescout.embedding_1 SET footprint = NULL", "column footprint of embedding_1 is NULL"),
    ]) func otherTables(_ change: String, _ reason: String) throws {
        let f = try filled()
        try f.store.connection.execute(script: change)
        let error = try #require(throws: PostgreSQLError.self) {
            try f.store.connection.query("SELECT * FROM tilescout.search(embedding => array_fill(1::real, ARRAY[16])::vector::halfvec, within => tilescout.bbox(0, 0, 9, 9))")
        }
        #expect("\(error)".contains(reason), "\(error)")
        #expect(try f.store.connection.query("SELECT 1").count == 1)
    }

    @Test("Cells that say too much of their codes are compared themselves") func forgedParts() throws {
        let f = try filled()
        // Each part holds 65,535 vectors; the area leaves most of them out.
        try f.store.connection.execute(script: "UPDATE tilescout.cell SET parts = overlay(parts PLACING '\\xffff' FROM 7 FOR 2)")
        for number in 0..<10 {
            let answer = try ask(f.store, "embedding => \(StoreFixture.literal(StoreFixture.direction(number, Self.dimension))), k => 20, within => tilescout.bbox(3, 3, 5.5, 5)")
            #expect(answer.rows == 20 && answer.different == 0 && answer.way != "in full", "\(answer)")
        }
    }

    @Test("Vectors of another dimension, or without a direction, are like nothing in lists") func unlikeAnything() throws {
        let f = try filled(.whole)
        func found(_ vector: [Float]) throws -> Int {
            try f.store.connection.query("""
                SELECT count(*) AS n FROM tilescout.native_nearest_by_look(1, \(StoreFixture.literal(vector)), NULL::geometry, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, 1e9, 10)
                """)[0]["n"]
        }
        #expect(try found(StoreFixture.direction(3, Self.dimension)) == 10)
        for dimension in [1, 15, 17, 4000] { #expect(try found(StoreFixture.direction(3, dimension)) == 0) }
        #expect(try found(Array(repeating: 0, count: Self.dimension)) == 0)
    }

    /// A band that winds round, as rivers and coasts do: no point sees all of it. `amiss`: how far one of its corners has strayed.
    private func band(_ count: Int, amiss: Double, _ random: inout SeededRandom) -> [(x: Double, y: Double)] {
        func point(_ corner: Int, _ reach: Double) -> (x: Double, y: Double) {
            let angle = Double(corner) / Double(count - 1) * 4 * .pi
            return (5 + reach * cos(angle), 5 + reach * sin(angle))
        }
        let reaches = (0..<count).map { 1 + 3 * Double($0) / Double(count - 1) + Double.random(in: -0.1...0.1, using: &random) }
        var ring = reaches.enumerated().map { point($0.offset, $0.element) }
        ring += reaches.enumerated().reversed().map { point($0.offset, $0.element - 0.5) }
        let stray = ring.indices.randomElement(using: &random)!
        ring[stray].x += amiss * Double.random(in: -1...1, using: &random)
        ring[stray].y += amiss * Double.random(in: -1...1, using: &random)
        return ring
    }

    private func checkValidity(_ ring: [(x: Double, y: Double)], _ store: TileStore) throws -> Bool {
        let area = "ST_GeomFromText('POLYGON((\((ring + [ring[0]]).map { "\($0.x) \($0.y)" }.joined(separator: ", "))))', 4326)"
        let valid: Bool = try store.connection.query("SELECT ST_IsValid(\(area)) AS valid")[0]["valid"]
        let search = "SELECT * FROM tilescout.search(embedding => \(StoreFixture.literal(StoreFixture.direction(7, Self.dimension))), within => \(area))"
        if valid { try store.connection.query(search) } else {
            let error = try #require(throws: PostgreSQLError.self, "\(area)") { try store.connection.query(search) }
            #expect("\(error)".contains("is not valid"), "\(error)")
        }
        return valid
    }

    @Test("Long outlines that wind are refused exactly where PostGIS calls them invalid", arguments: [0, 0.6, 2]) func bands(_ amiss: Double) throws {
        let f = try filled()
        var random = SeededRandom(seed: 32), invalid = 0
        for _ in 0..<100 {
            let count = Int(exp(Double.random(in: log(20)...log(500), using: &random)))
            if try !checkValidity(band(count, amiss: amiss, &random), f.store) { invalid += 1 }
        }
        #expect(amiss == 0 ? invalid == 0 : invalid > 10 && invalid < 100, "\(invalid)")
    }

    /// Most outlines are known to be valid without PostGIS being asked; those that are not are refused all the same.
    @Test("Outlines are refused exactly where PostGIS calls them invalid", arguments: [0, 0.2, 1]) func outlines(_ disorder: Double) throws {
        let f = try filled()
        var random = SeededRandom(seed: 31), invalid = 0
        for turn in 0..<150 {
            // Seen from the middle in the order of their angles, or in another; now and then twice round, with a corner twice, and on a grid, where edges touch.
            let count = Int.random(in: 3...14, using: &random), grid = turn % 3 == 0 ? 2.0 : 1e6, rounds = turn % 4 == 1 && count % 2 == 1 ? 2.0 : 1
            var ring = (0..<count).map { corner in
                let angle = (Double(corner) + disorder * Double.random(in: 0...Double(count), using: &random)) / Double(count) * rounds * 2 * .pi, reach = Double.random(in: 0.2...4, using: &random)
                return (x: ((5 + reach * cos(angle)) * grid).rounded() / grid, y: ((5 + reach * sin(angle)) * grid).rounded() / grid)
            }
            if turn % 5 == 0 { ring.insert(ring[1], at: 1) }
            if try !checkValidity(ring, f.store) { invalid += 1 }
        }
        #expect(disorder == 0 ? invalid < 75 : invalid > 20 && invalid < 150, "\(invalid)")
    }

    /// What a session keeps of functions' numbers and costs goes when a function changes.
    @Test("Costs that change are read anew") func costsChange() throws {
        let f = try filled()
        let question = "embedding => \(StoreFixture.literal(StoreFixture.direction(7, Self.dimension))), within => tilescout.bbox(1, 1, 1.2, 1.2)"
        #expect(try ask(f.store, question).way == "cells")
        try f.plan(fewCells: 1)
        #expect(try ask(f.store, question).way == "all cells")
    }
}
