import Foundation
import PostgreSQL
import Testing
import TestCluster
import TileGrid
@testable import TileStore

/// Several databases, on servers of their own, asked as one.
@Suite("Shards") struct ShardTests {
    private struct Hit: Equatable {
        let rank: Int
        let tile: UUID
        let distance: Double
        let row: String
    }

    /// The rows of an answer, all columns but the scene's id, which is each database's own.
    private func answer(_ connection: Connection, _ function: String, _ arguments: String) throws -> [Hit] {
        try connection.query("""
            SELECT rank, tile_id, distance, ROW(collection, scene_path, acquired_at, valid_fraction, cloud_fraction, lon, lat, footprint)::text AS rest
            FROM tilescout.\(function)(\(arguments))
            """).map { Hit(rank: try $0["rank"], tile: try $0["tile_id"], distance: try $0["distance"], row: try $0["rest"]) }
    }

    private func clusters() throws -> [TestCluster] { [try TestCluster.shared.get(), try ShardFixture.second.get(), try ShardFixture.third.get()] }

    @Test("Shards answer as one database with all rows does, and as brute force does", arguments: [1, 2] as [UInt64])
    func sameAnswers(seed: UInt64) throws {
        let f = try ShardFixture.random(seed: seed, clusters: try clusters())
        var random = SeededRandom(seed: seed + 100)
        var rows = 0, acrossShards = 0, pages = 0
        for _ in 0..<60 {
            var question = ShardQuestion.random(f, &random)
            let one = try answer(f.single.connection, "search", question.sql)
            let all = try answer(f.coordinator, "search_shards", question.sql)
            #expect(all == one, "\(question.sql)")
            let expected = question.bruteForce(f)
            #expect(all.count == expected.count, "\(question.sql)")
            for (hit, brute) in zip(all, expected) {
                #expect(abs(hit.distance - brute.distance) < 1e-6, "\(question.sql)")
                // Neighbours closer than the rounding of a sum of floats may change places.
                if !expected.contains(where: { $0.tile.id != brute.tile.id && abs($0.distance - brute.distance) < 1e-6 }) {
                    #expect(hit.tile == brute.tile.id.uuid, "\(question.sql)")
                }
            }
            rows += all.count
            if Set(try f.coordinator.query("SELECT DISTINCT shard FROM tilescout.search_shards(\(question.sql))").map { try $0["shard"] as String }).count > 1 { acrossShards += 1 }
            // Two pages are the whole.
            if all.count > 2 {
                let first = Int.random(in: 1..<all.count, using: &random)
                question.k = all.count - first
                question.after = TileID(all[first - 1].tile)
                let second = try answer(f.coordinator, "search_shards", question.sql)
                #expect(second.map(\.tile) == all.dropFirst(first).map(\.tile), "\(question.sql)")
                #expect(second == (try answer(f.single.connection, "search", question.sql)), "\(question.sql)")
                pages += 1
            }
        }
        print("seed \(seed): \(rows) rows, \(acrossShards) answers from several shards, \(pages) second pages")
        #expect(rows > 2000 && acrossShards > 30 && pages > 40)
    }

    @Test("A scene that two shards hold is shown once")
    func sceneOnTwoShards() throws {
        var f = try ShardFixture.random(seed: 3, clusters: try clusters())
        var scenes = f.scenes
        for index in scenes.indices { scenes[index].shards = index % 2 == 0 ? ["a", "b"] : ["b", "c"] }
        f = try ShardFixture(scenes: scenes, tiles: f.tiles, clusters: try clusters())
        for arguments in ["k => 300", "k => 50, one_per_place => true", "k => 100, exclude_scene => true", "k => 2000, exclude_place => true"] {
            let question = "like_tile => '\(f.tiles[7].id)', " + arguments
            #expect(try answer(f.coordinator, "search_shards", question) == answer(f.single.connection, "search", question), "\(question)")
        }
    }

    @Test("Nothing is shown of a scene that its shard replaced, until that is rolled back") func replacedScene() throws {
        let f = try ShardFixture.random(seed: 6, clusters: try clusters()), scene = f.scenes[1]
        let former = f.tiles.filter { $0.scene == scene.number }, look = former[5].embedding
        let stores = [f.single] + f.shards.filter { scene.shards.contains($0.name) }.map(\.store)
        let runs = try stores.map { store in
            let run = try store.beginRun(StoreFixture.request(collection: scene.collection, model: ShardFixture.model.name))
            let next = try store.upsertScene(StoreFixture.scene(900, path: "/scenes/\(scene.number).tif"), run: run)
            let tile = ShardFixture.Tile(id: StoreFixture.id(1), scene: 900, west: 1, south: 1, side: 0.1, valid: 1, cloud: nil, embedding: look)
            _ = try store.merge([tile.row(scene: next)], run: run)
            try store.finish(run, .published)
            return run
        }
        /// All there is, and what is most like a tile of the former scene.
        func check(_ shows: Bool) throws {
            for k in [3, 5000] {
                let question = "embedding => \(StoreFixture.literal(look)), k => \(k)", all = try answer(f.coordinator, "search_shards", question), shown = Set(all.map(\.tile))
                #expect(all == (try answer(f.single.connection, "search", question)))
                #expect(shown.contains(StoreFixture.id(1).uuid) != shows)
                #expect(k == 3 ? shown.contains(former[5].id.uuid) == shows : shown.intersection(former.map(\.id.uuid)).count == (shows ? former.count : 0))
            }
        }
        try check(false)
        for (store, run) in zip(stores, runs) { _ = try store.rollBack(runID: run.id) }
        try check(true)
    }

    @Test("Copies of a tile in two collections are neither lost nor doubled where a shard has to read on") func copies() throws {
        // Half of the tiles lie where the first does and look like it: leaving its place out empties whole pages, whose cuts fall between copies.
        var random = SeededRandom(seed: 7)
        let scenes = [("coast", "a"), ("field", "a"), ("town", "b")].enumerated().map {
            ShardFixture.Scene(number: $0.offset, collection: $0.element.0, acquired: nil, shards: [$0.element.1])
        }
        let base = StoreFixture.direction(1, ShardFixture.dimension)
        let tiles = (0..<500).flatMap { number in
            let isNear = number % 2 == 0
            let look = StoreFixture.unit(base.map { $0 + Float.random(in: -1...1, using: &random) * (isNear ? 0.05 : 0.2) })
            let at = isNear ? (1.0, 1.0) : (Double.random(in: 2...9, using: &random), Double.random(in: 2...9, using: &random))
            return (number % 5 == 0 ? [2] : [0, 1]).map { scene in
                ShardFixture.Tile(id: StoreFixture.id(number), scene: scene, west: at.0, south: at.1, side: 0.2, valid: 1, cloud: nil, embedding: look)
            }
        }
        let f = try ShardFixture(scenes: scenes, tiles: tiles, clusters: [TestCluster.shared.get(), ShardFixture.second.get()])
        for k in [1, 2, 3, 4, 5, 10, 11, 31, 200, 1000] {
            for more in ["", ", exclude_place => true", ", exclude_place => true, one_per_place => true", ", after => '\(StoreFixture.id(77))'", ", one_per_place => true, after => '\(StoreFixture.id(77))'"] {
                for like in [0, 2] {
                    let question = "like_tile => '\(StoreFixture.id(like))', k => \(k)\(more)"
                    #expect(try answer(f.coordinator, "search_shards", question) == answer(f.single.connection, "search", question), "\(question)")
                }
            }
        }
    }

    @Test("Every shard explains its plan; one that cannot have an answer is not asked")
    func explain() throws {
        let f = try ShardFixture.random(seed: 4, clusters: try clusters())
        let rows = try f.coordinator.query("SELECT * FROM tilescout.explain_search_shards(like_tile => '\(f.tiles[0].id)', k => 5, collections => '{town}')")
        #expect(try rows.map { try $0["shard"] as String } == ["a", "b", "c"])
        #expect(try rows.map { try ($0["plan"] as String).hasPrefix("not asked: it has none of these collections") } == [true, true, false])
        #expect(try rows[2]["rows_returned"] as Int == 5)
        #expect(try f.coordinator.query("SELECT count(*) AS n FROM tilescout.all_tiles")[0]["n"] as Int == f.tiles.count)
    }

    @Test("A wrong question is refused in the same words as by one database") func refusals() throws {
        let f = try ShardFixture.random(seed: 5, clusters: try clusters())
        let like = "like_tile => '\(f.tiles[0].id)', "
        for question in [
            "k => 5", "k => 0", "embedding => '[1,2]'", "like_tile => '00000000-0000-0000-0000-00000000beef'", "embedding => array_fill(0, ARRAY[32])::vector::halfvec",
            like + "within => 'SRID=4326;POINT(0 0)'", like + "collections => ARRAY['x''; DROP SCHEMA tilescout; --']", like + #"collections => ARRAY[E'x\\''"{},()']"#,
            like + "model => 'x''$1; --'", like + "min_valid => 7", like + "radius => 5", like + "collections => '{}'",
            like + "after => '00000000-0000-0000-0000-00000000beef'",
            like + "one_per_place => true, after => '00000000-0000-0000-0000-00000000beef'",
        ] {
            let one = #expect(throws: PostgreSQLError.self, "\(question)") { try answer(f.single.connection, "search", question) }
            let all = #expect(throws: PostgreSQLError.self, "\(question)") { try answer(f.coordinator, "search_shards", question) }
            #expect(all?.message == one?.message && all?.sqlstate == one?.sqlstate, "\(question)")
        }
        // Errors leave nothing behind that a later question would meet.
        #expect(try answer(f.coordinator, "search_shards", like + "k => 3").count == 3)
    }
}
