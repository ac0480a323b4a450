import Embedding
import Foundation
import Ingest
import Synchronization
import TestCluster
import TileGrid
import TileStore
import Tiling
import Testing

/// Files that change while they are read.
@Suite("Torn reads", .serialized)
final class TornReadTests {
    /// Two scenes, of which the first is changed when the second is asked for: its bytes are hashed by then, and all but a few of its
    /// tiles are still to be cut, since the encoders take longer.
    private final class Changing: SceneSource {
        private let tasks: [SceneTask]
        private let change: @Sendable () throws -> Void
        private let position = Mutex(0)
        let outcomes = Mutex<[String: SceneOutcome]>([:])

        init(_ tasks: [SceneTask], change: @escaping @Sendable () throws -> Void) {
            self.tasks = tasks
            self.change = change
        }

        func next(_ store: TileStore) throws -> SceneTask? {
            let index = position.withLock { position in
                defer { position += 1 }
                return position
            }
            if index == 1 { try change() }
            return index < tasks.count ? tasks[index] : nil
        }

        func opens(_ task: SceneTask, _ store: TileStore) -> Bool { true }
        func waits(_ task: SceneTask) {}
        func goesOn(_ task: SceneTask) {}
        func ended(_ task: SceneTask, _ outcome: SceneOutcome, _ store: TileStore) -> Bool {
            outcomes.withLock { $0[(task.path as NSString).lastPathComponent] = outcome }
            return true
        }
        func cancel() {}
    }

    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("torn-\(UUID().uuidString)")

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    @Test(
        "A scene, or a part of a virtual one, that changes between hashing and cutting is taken back with its tile files and named; the next is ingested",
        arguments: ["a.tif", "a.vrt"])
    func changed(name: String) throws {
        let (scene, other) = (folder.appendingPathComponent("a.tif").path, folder.appendingPathComponent("b.tif").path)
        try GeneratedScene.write(to: scene, width: 768, height: 768, seed: 1)
        try GeneratedScene.write(to: other, width: 256, height: 256, seed: 2)
        let path = folder.appendingPathComponent(name).path
        if name != "a.tif" { try GeneratedScene.run("gdalbuildvrt", ["-q", path, scene]) }
        let connection = try TestCluster.shared.get().migratedDatabase()
        let cluster = try TestCluster.shared.get().cluster
        let database: String = try connection.query("SELECT current_database() AS name")[0]["name"]
        let store = TileStore(connection: connection)
        let model = try EncoderModel.load(named: EncoderModel.defaultName)
        let tiling = TilingOptions(tileSize: 64)
        let run = try store.beginRun(RunRequest(
            collection: "test", model: store.register(model.registration).name, options: "{}", tiling: #"{"size":64}"#, version: "test"))
        let tasks = try [path, other].enumerated().map {
            SceneTask(index: $0.offset, path: $0.element, stamp: try SceneStamp(path: $0.element), tiling: tiling, run: run)
        }
        let source = Changing(tasks) {
            // One sample, the same size, a nanosecond's difference: what a copy tool that keeps times would leave.
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: scene))
            var status = stat()
            stat(scene, &status)
            try file.seek(toOffset: UInt64(status.st_size) - 1)
            try file.write(contentsOf: Data([77]))
            try file.close()
            status.st_mtim.tv_nsec = (status.st_mtim.tv_nsec + 1) % 1_000_000_000
            var times = [status.st_atim, status.st_mtim]
            utimensat(AT_FDCWD, scene, &times, 0)
        }
        let out = folder.appendingPathComponent("tiles").path
        // Of a run that was killed two days ago.
        let abandoned = "\(out)/a.tif.partial-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
        try "half".write(toFile: abandoned, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSinceNow: -172_800)], ofItemAtPath: abandoned)
        let options = IngestOptions(
            roots: [], collection: "test", tiling: tiling, model: model, tilesOut: out, concurrency: .init(cutters: 1, encoders: 1, batch: 4))
        let report = try SceneFlow(options: options, source: source, largestTile: 64) { TileStore(connection: try cluster.connect(database: database)) }.run()
        #expect(report.scenesIngested == 1 && report.failures.map(\.path) == [path], "\(report.failures)")
        #expect(report.failures.first?.reason.contains("\(scene) changed while it was read") == true, "\(report.failures)")
        try store.finish(run, .published)
        #expect(try store.scenes().map(\.path) == [other])
        let tiles: Int = try connection.query("SELECT count(*) AS n FROM tilescout.tile")[0]["n"]
        #expect(tiles == 16 && report.tilesStored == 16)
        let written = try FileManager.default.contentsOfDirectory(atPath: out)
        #expect(written.count == 16 && written.allSatisfy { $0.hasPrefix("b_") }, "\(written)")
    }
}
