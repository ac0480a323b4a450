import Foundation
import PostgreSQL
import Testing
import TestCluster
import TileGrid
import TileStore

@Suite struct MergeTests {
    @Test func aBatchGoesInOnce() throws {
        let f = try StoreFixture()
        let scene = try f.addScene(1)
        let batch = (0..<10).map { f.row($0, scene: scene) }
        #expect(try f.store.existingTiles(batch.map(\.tileID), run: f.run).isEmpty)
        #expect(try f.store.merge(batch, run: f.run) == MergeCounts(inserted: 10, alreadyThere: 0))
        #expect(try f.store.merge(batch, run: f.run) == MergeCounts(inserted: 0, alreadyThere: 10))
        #expect(try f.store.existingTiles(batch.map(\.tileID), run: f.run) == Set(batch.map(\.tileID)))
    }

    @Test func duplicatesWithinABatchCollapse() throws {
        let f = try StoreFixture()
        let scene = try f.addScene(1)
        let batch = [3, 1, 3, 2, 1, 1].map { f.row($0, scene: scene) }
        #expect(try f.store.merge(batch, run: f.run) == MergeCounts(inserted: 3, alreadyThere: 3))
    }

    @Test func everythingComesBackAsItWent() throws {
        let f = try StoreFixture()
        let scene = try f.addScene(1, acquired: Date(timeIntervalSince1970: 1_600_000_000.25))
        let row = f.row(7, scene: scene, at: (-12.5, 41.25), valid: 0.75, cloud: 0.125)
        _ = try f.store.merge([row], run: f.run)
        try f.store.finish(f.run, .published)
        let tile = try #require(try f.store.tile(row.tileID))
        #expect(tile.window == row.window)
        #expect(tile.geoTransform == row.geoTransform)
        #expect(tile.validFraction == 0.75 && tile.cloudFraction == 0.125)
        #expect(tile.acquiredAt == Date(timeIntervalSince1970: 1_600_000_000.25))
        #expect(tile.scenePath == "/scenes/1.tif" && tile.tiling == "256")
        #expect(try Polygon(tile.footprintGeoJSON) == Polygon(row.footprint.geoJSON))
        let stored: [Double] = try f.store.connection.query("SELECT (embedding::vector)::real[]::float8[] AS v FROM tilescout.embedding_\(f.model.id)")[0]["v"]
        #expect(zip(stored, row.embedding).allSatisfy { abs($0 - Double($1)) < 1e-3 })
    }

    /// PostGIS and Swift write the same numbers differently.
    private struct Polygon: Decodable, Equatable {
        let type: String
        let coordinates: [[[Double]]]
        init(_ geoJSON: String) throws { self = try JSONDecoder().decode(Self.self, from: Data(geoJSON.utf8)) }
    }

    @Test func anythingWrongInABatchLeavesNothingOfIt() throws {
        let f = try StoreFixture()
        let scene = try f.addScene(1)
        let good = f.row(1, scene: scene)
        #expect(throws: PostgreSQLError.self) { try f.store.merge([good, f.row(2, scene: scene, embedding: [1, 0])], run: f.run) }
        #expect(throws: PostgreSQLError.self) { try f.store.merge([good, f.row(2, scene: scene, embedding: [Float](repeating: 0, count: 8))], run: f.run) }
        #expect(throws: StoreError.self) { try f.store.merge([good, f.row(2, scene: scene, embedding: [.nan, 1, 1, 1, 1, 1, 1, 1])], run: f.run) }
        #expect(throws: PostgreSQLError.self) { try f.store.merge([good, f.row(2, scene: scene + 1)], run: f.run) }
        #expect(try f.store.existingTiles([good.tileID], run: f.run).isEmpty)
        #expect(try f.store.merge([good], run: f.run).inserted == 1, "the connection is still good")
    }

    @Test func aBackendKilledInTheMiddleOfABatchLeavesNothingOfIt() throws {
        let f = try StoreFixture()
        let scene = try f.addScene(1)
        let doomed = try f.anotherStore()
        let killer = try f.anotherStore()
        let victim = doomed.connection.backendPID
        let error = #expect(throws: PostgreSQLError.self) {
            try doomed.connection.transaction {
                _ = try doomed.merge([f.row(1, scene: scene)], run: f.run)
                try killer.connection.query("SELECT pg_terminate_backend($1::int, 5000)", [victim])
                _ = try doomed.merge([f.row(2, scene: scene)], run: f.run)
            }
        }
        #expect(error?.connectionLost == true)
        #expect(!doomed.connection.isUsable)
        #expect(try f.store.existingTiles([StoreFixture.id(1), StoreFixture.id(2)], run: f.run).isEmpty)
        let ledger: Int = try f.store.connection.query("SELECT count(*) AS n FROM tilescout.run_scene")[0]["n"]
        #expect(ledger == 0)
    }

    /// Batches that overlap, in opposite orders, from several connections at once: no deadlock, no row lost or doubled.
    @Test func concurrentMergesOfTheSameTilesAgree() async throws {
        let f = try StoreFixture()
        let scene = try f.addScene(1)
        let rows = (0..<400).map { f.row($0, scene: scene) }
        let run = f.run
        let database: String = try f.store.connection.query("SELECT current_database() AS name")[0]["name"]
        let counts = try await withThrowingTaskGroup(of: MergeCounts.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    let store = TileStore(connection: try TestCluster.shared.get().cluster.connect(database: database))
                    var counts = MergeCounts()
                    for start in stride(from: 0, to: 400, by: 50) {
                        let at = worker % 2 == 0 ? start : 350 - start
                        counts += try store.merge(rows[at..<at + 50].shuffled(), run: run)
                    }
                    return counts
                }
            }
            return try await group.reduce(into: MergeCounts()) { $0 += $1 }
        }
        #expect(counts.inserted == 400)
        #expect(counts.alreadyThere == 1200)
        let ledger = try f.store.connection.query("SELECT stored, already_there FROM tilescout.run_scene")[0]
        #expect(try ledger["stored"] == 400 && ledger["already_there"] == 1200)
    }
}
