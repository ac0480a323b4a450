import Foundation
import PostgreSQL
import Testing
import TestCluster
import TileStore

/// Lists of the vectors of each region, which searches by the extension look into where an area holds a small part of a large table.
@Suite struct RegionsTests {
    private static let dimension = 16, tiles = 60_000

    /// So many tiles, all over a place of ten degrees; 300 looks have nothing to do with where they are. Of one scene, or of small ones, each in a place of its own, which share
    /// cells; every fifth of these has no date. Returns the first scene.
    @discardableResult private func add(_ f: StoreFixture, part: Int, tiles: Int, perScene: Int? = nil, looks: inout [[Float]], _ random: inout SeededRandom) throws -> Int {
        var rows: [TileRow] = []
        let perScene = perScene ?? tiles, reach = perScene == tiles ? 9.9 : 0.6
        for number in 0..<tiles / perScene {
            let day = 100 * part + (number == 0 ? 0 : Int.random(in: 0..<100, using: &random))
            let scene = try f.addScene(1000 * part + number, acquired: number % 5 == 4 ? nil : StoreFixture.day(day))
            let west = Double.random(in: 0...9.9 - reach, using: &random), south = Double.random(in: 0...9.9 - reach, using: &random)
            for _ in 0..<perScene {
                let look = StoreFixture.unit(StoreFixture.direction(looks.count % 300, Self.dimension).map { $0 + Float.random(in: -0.15...0.15, using: &random) })
                let place = (west + Double.random(in: 0...reach, using: &random), south + Double.random(in: 0...reach, using: &random))
                rows.append(f.row(looks.count, scene: scene, at: place, embedding: look))
                looks.append(look)
            }
        }
        _ = try f.store.merge(rows, run: f.run)
        return rows[0].sceneID
    }

    /// How many there are (CodesHeader in extension/codes.h).
    private func regions(_ f: StoreFixture) throws -> Int {
        try f.store.connection.query("SELECT coalesce(sum(get_byte(l.codes, 4)), 0)::bigint AS regions FROM tilescout.look AS l WHERE l.list = -2147483648")[0]["regions"]
    }

    /// As if the table were a hundred times as large: little of what is like a query in all lists lies in the area.
    private func seemLarge(_ f: StoreFixture) throws {
        try f.store.connection.execute(script: "ANALYZE; UPDATE pg_class SET reltuples = 100 * reltuples WHERE oid = 'tilescout.embedding_1'::regclass")
    }

    /// A fiftieth to a thirtieth of the table each, across regions and in one; and one in which regions lie as a whole.
    private static let areas = [
        "tilescout.bbox(4.1, 4.1, 5.9, 5.9)", "ST_GeomFromText('POLYGON((4 4, 6.8 4.2, 5.5 6, 5.2 5.8, 4 4))', 4326)", "tilescout.bbox(1, 6, 2.6, 7.8)",
        "ST_GeomFromText('POLYGON((1 1, 3 1, 3 3, 1 3, 1 1), (1.5 1.5, 2.5 1.5, 2.5 2.5, 1.5 2.5, 1.5 1.5))', 4326)", "tilescout.bbox(-1, -1, 11, 8.5)",
    ]
    private static let apart = ["ST_GeomFromText('MULTIPOLYGON(((0.5 7, 1.7 7, 1.7 9, 0.5 7)), ((7 1, 8.2 1, 8.2 2.4, 7 2.4, 7 1)))', 4326)"]

    @Test("Lists of regions hold each vector once more, and what is near in an area is found in them, whatever has been published, retired or rolled back since") func regionsHoldAll() throws {
        var random = SeededRandom(seed: 8), f = try StoreFixture(dimension: Self.dimension), looks: [[Float]] = []
        let scenes = try (0..<4).map { try add(f, part: $0, tiles: Self.tiles / 4, perScene: $0 == 1 ? 60 : nil, looks: &looks, &random) }
        try f.store.finish(f.run, .published)
        #expect(try f.store.buildIndexes(model: f.model.name, force: true).action == "built")
        #expect(try f.held().vectors == 2 * Self.tiles && regions(f) == 4)

        try f.plan(fewCells: 1, exactMicroseconds: "rows")
        try seemLarge(f)
        let questions = (0..<60).map { $0 % 4 == 3 ? StoreFixture.direction(90_000 + $0, Self.dimension) : looks[$0 * 641 % looks.count] }
        /// What lies in several parts SQL answers, by the same lists.
        func check(_ dates: String = "NULL") throws {
            let found = try f.recall(questions, areas: Self.areas, dates: dates)
            #expect(found.share >= 0.995 && found.byRegions == questions.count, "\(found)")
            let inParts = try f.recall(Array(questions[..<20]), areas: Self.apart, dates: dates)
            #expect(inParts.share >= 0.98 && inParts.ways == ["in full": 20], "\(inParts)")
        }
        try check()
        try check("'[2020-12-01,2022-01-01)'::tstzrange")
        #expect(try f.mixedCells() >= 30)
        var dated = Recall()
        for turn in 0..<30 {
            let k = Int(pow(10, Double.random(in: 0...2.5, using: &random)))
            dated += try f.recall([questions[turn]], areas: [Self.areas[turn % Self.areas.count]], dates: StoreFixture.dates(&random), k: k)
        }
        #expect(dated.share >= 0.995 && dated.byRegions >= 15, "\(dated)")
        f.run = try f.store.beginRun(f.run.request)
        try add(f, part: 4, tiles: 3_000, looks: &looks, &random)
        try f.store.finish(f.run, .published)
        try check()
        _ = try f.store.forget(sceneID: scenes[2])
        try check()
        _ = try f.store.connection.query("SELECT tilescout.rollback_run(\(f.run.id))")
        try check()

        // What a session keeps of regions is of lists that are no more.
        f.run = try f.store.beginRun(f.run.request)
        try add(f, part: 5, tiles: 30_000, looks: &looks, &random)
        try f.store.finish(f.run, .published)
        #expect(try f.store.buildIndexes(model: f.model.name, force: true).action == "built" && regions(f) == 5)
        try seemLarge(f)
        try check()
    }

    @Test("Of a small table there are no regions: their lists would be those of all") func smallTable() throws {
        var random = SeededRandom(seed: 9), looks: [[Float]] = []
        let f = try StoreFixture(dimension: Self.dimension)
        try add(f, part: 0, tiles: 3_000, looks: &looks, &random)
        try f.store.finish(f.run, .published)
        #expect(try f.store.buildIndexes(model: f.model.name, force: true).action == "built")
        #expect(try f.held().vectors == 3_000 && regions(f) == 0)
    }
}
