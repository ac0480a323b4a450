import Embedding
import Foundation
import Ingest
import PostgreSQL
import TestCluster
import TileStore
import Tiling
import Testing

/// Scenes in, places out: the pipeline against a real server, real weights and real files.
@Suite("Ingest", .serialized)
final class IngestTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ingest-\(UUID().uuidString)")
    private let connection: Connection

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        connection = try TestCluster.shared.get().migratedDatabase()
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    private func pipeline(
        _ roots: [String], limits: TilingLimits = .standard, concurrency: IngestOptions.Concurrency = .init()
    ) throws -> IngestPipeline {
        let cluster = try TestCluster.shared.get().cluster
        let database: String = try connection.query("SELECT current_database() AS name")[0]["name"]
        let options = IngestOptions(
            roots: roots, collection: "test", tiling: TilingOptions(tileSize: 128), limits: limits,
            model: try EncoderModel.load(named: EncoderModel.defaultName), concurrency: concurrency)
        return IngestPipeline(options: options) { TileStore(connection: try cluster.connect(database: database)) }
    }

    private func scene(_ name: String, seed: Int) throws -> String {
        let path = folder.appendingPathComponent(name).path
        try GeneratedScene.write(to: path, width: 500, height: 300, seed: seed)
        return path
    }

    @Test("Every tile of every scene is stored; the second time nothing is encoded, and the content is the same")
    func idempotent() throws {
        for seed in 0..<3 { _ = try scene("scene\(seed).tif", seed: seed) }
        let store = TileStore(connection: connection)
        let first = try pipeline([folder.path]).run()
        // 4 × 3 tiles of 128 pixels cover 500 × 300, the last ones shifted inwards.
        #expect(first.tilesStored == 36)
        #expect(first.reconciles && first.scenesIngested == 3 && first.failures.isEmpty)
        let hash = try store.contentHash()
        let second = try pipeline([folder.path]).run()
        #expect(second.tilesEncoded == 0 && second.scenesUnchanged == 3 && second.reconciles)
        #expect(try store.contentHash() == hash)
    }

    @Test("A copy under another name is a duplicate, not more tiles")
    func duplicate() throws {
        let path = try scene("a.tif", seed: 1)
        try FileManager.default.copyItem(atPath: path, toPath: folder.appendingPathComponent("b.tif").path)
        let report = try pipeline([folder.path]).run()
        #expect(report.tilesStored == 12 && report.scenesDuplicate == 1 && report.reconciles)
    }

    @Test("Bad files are named with their reasons, and the good scene beside them is ingested")
    func badFiles() throws {
        let good = try scene("good.tif", seed: 2)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: good))
        let bad: [String: Data] = [
            "empty.tif": Data(), "text.tif": Data("no raster".utf8), "header.tif": bytes.prefix(2000),
            "half.tif": bytes.prefix(bytes.count / 2),
        ]
        for (name, content) in bad { try content.write(to: folder.appendingPathComponent(name)) }
        let report = try pipeline([folder.path]).run()
        #expect(report.scenesIngested == 1 && report.tilesStored == 12 && report.reconciles)
        #expect(Set(report.failures.map { URL(fileURLWithPath: $0.path).lastPathComponent }) == Set(bad.keys))
        #expect(report.failures.allSatisfy { $0.reason.contains("cannot") && $0.reason.contains(".tif") })
        #expect(try TileStore(connection: connection).scenes().map(\.path) == [good])
        #expect(try TileStore(connection: connection).failures().count == bad.count)
    }

    @Test(
        "Half a scene that an ingest cut short has left is not published by the next one, which cannot read it or is not asked for it",
        arguments: [true, false])
    func halfAScene(isDamaged: Bool) throws {
        let half = try scene("half.tif", seed: 1)
        // The first merge enters the scene in the ledger, the second one finds it there.
        try connection.query(
            "CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$")
        try connection.query("CREATE TRIGGER full_disk BEFORE UPDATE ON tilescout.run_scene FOR EACH ROW EXECUTE FUNCTION public.full_disk()")
        #expect(throws: PostgreSQLError.self) { try pipeline([folder.path], concurrency: .init(batch: 2, merge: 4)).run() }
        try connection.query("DROP TRIGGER full_disk ON tilescout.run_scene")
        let stored: Int = try connection.query("SELECT count(*) AS n FROM tilescout.tile")[0]["n"]
        #expect((1..<12).contains(stored))
        if isDamaged { try Data("no raster".utf8).write(to: URL(fileURLWithPath: half)) }
        let whole = try scene("whole.tif", seed: 2)
        let report = try pipeline([isDamaged ? folder.path : whole]).run()
        #expect(report.resumed && report.reconciles && report.tilesStored == 12)
        #expect(report.failures.map(\.path) == (isDamaged ? [half] : []))
        #expect(try TileStore(connection: connection).scenes().map(\.path) == [whole])
        let visible: Int = try connection.query("SELECT count(*) AS n FROM tilescout.tiles")[0]["n"]
        #expect(visible == 12)
    }

    @Test("A tile looks most like itself on another day: its own place comes first among all")
    func search() throws {
        _ = try scene("monday.tif", seed: 3)
        _ = try pipeline([folder.path]).run()
        let store = TileStore(connection: connection)
        let tile = try #require(try store.tiles(lon: 15.03, lat: 45.14, limit: 1).first)
        var request = SearchRequest(likeTile: tile.tileID, k: 5)
        request.excludeSelf = false
        let answer = try store.search(request)
        #expect(answer.hits.count == 5 && answer.exact)
        #expect(answer.hits[0].tileID == tile.tileID && answer.hits[0].distance < 1e-3)
    }

    @Test("A folder that is not there, and one without any raster, are errors that name it")
    func nothing() throws {
        #expect(throws: TilingError.self) { try pipeline(["/no/such/folder"]).run() }
        #expect(throws: IngestError.self) { try pipeline([folder.path]).run() }
    }

    private static let shared = SharedData.folder

    @Test(
        "Each real scene and each malformed file ends as tiles or as a failure with a reason; a rerun changes nothing",
        .enabled(if: shared != nil, SharedData.absence))
    func sharedScenes() throws {
        let data = try #require(Self.shared)
        let roots = [data.appendingPathComponent("scenes").path, data.appendingPathComponent("malformed").path]
        // The one scene of 36,000 × 18,000 pixels is refused here, to keep the test short.
        let limits = TilingLimits(maximumPixels: 100_000_000)
        let first = try pipeline(roots, limits: limits).run()
        #expect(first.reconciles)
        #expect(first.scenesIngested >= 55, "\(first.failures.map { "\($0.path): \($0.reason)" }.joined(separator: "\n"))")
        #expect(first.failures.allSatisfy { !$0.reason.isEmpty })
        let store = TileStore(connection: connection)
        let hash = try store.contentHash()
        let second = try pipeline(roots, limits: limits).run()
        // What failed is tried again, and none of it stays; what was ingested is not touched.
        #expect(second.tilesStored == 0 && second.scenesUnchanged == first.scenesIngested && second.reconciles)
        #expect(second.failures.map(\.path) == first.failures.map(\.path))
        #expect(try store.contentHash() == hash)
    }
}
