import Embedding
import Foundation
import PostgreSQL
import TestCluster
import TileStore
import Testing

/// Machines die. An ingest that was cut short shows nothing, and the same call again brings what one uninterrupted run brings.
@Suite("Interruption", .serialized)
final class InterruptionTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("interrupt-\(UUID().uuidString)")
    private let arguments: [String]

    init() throws {
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("scenes"), withIntermediateDirectories: true)
        for seed in 0..<4 {
            try GeneratedScene.write(
                to: folder.appendingPathComponent("scenes/scene\(seed).tif").path, width: 600, height: 400, seed: seed)
        }
        arguments = [
            "ingest", folder.appendingPathComponent("scenes").path, "--collection", "test", "--tile-size", "64", "--quiet",
        ]
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    private func database() throws -> (program: CommandLineProgram, store: TileStore) {
        let connection = try TestCluster.shared.get().migratedDatabase()
        let name: String = try connection.query("SELECT current_database() AS name")[0]["name"]
        let conninfo = try TestCluster.shared.get().cluster.conninfo(database: name).text
        return (CommandLineProgram(environment: ["TILESCOUT_DATABASE": conninfo]), TileStore(connection: connection))
    }

    /// The content hash of a run that nothing interrupted.
    private func uninterrupted() throws -> String {
        let (program, store) = try database()
        #expect(try program.run(arguments).status == 0)
        return try store.contentHash()
    }

    /// A signal can land between the publishing commit and the end of the process: then all is there. Nothing between is allowed.
    @Test(
        "Killed at any moment, it shows nothing or all; run again, the tables equal those of a run never killed",
        arguments: [SIGKILL, SIGTERM])
    func killed(signal: Int32) throws {
        let expected = try uninterrupted()
        let (program, store) = try database()
        var delays = [0.2, 0.5, 0.8, 1.2, 1.7]
        var interrupted = 0
        while !delays.isEmpty {
            let run = try program.start(arguments)
            Thread.sleep(forTimeInterval: delays.removeFirst())
            let wasRunning = run.isRunning
            run.signal(signal)
            let outcome = try run.finish()
            if !wasRunning || outcome.status == 0 { break }
            interrupted += 1
            if try !store.scenes().isEmpty {
                #expect(try store.contentHash() == expected)
                break
            }
        }
        #expect(interrupted > 0)
        let last = try program.run(arguments)
        #expect(last.status == 0, "\(last.error)")
        #expect(try store.contentHash() == expected)
        #expect(try store.scenes().map(\.tiles) == [70, 70, 70, 70])
    }

    @Test("Where the server is killed, the call says so with status 69; with the server back, it completes")
    func serverKilled() throws {
        let expected = try uninterrupted()
        let data = folder.appendingPathComponent("data")
        let program = CommandLineProgram(environment: [
            "TILESCOUT_DATA": data.path, "TILESCOUT_MODELS": modelSearchPath().joined(separator: ":"),
        ])
        let cluster = try PrivateCluster(dataRoot: data)
        #expect(try program.run(["db", "migrate"]).status == 0)
        defer { try? cluster.stop() }
        let watcher = try TileStore(.privateCluster(dataRoot: data))
        let run = try program.start(arguments)
        // As soon as there is a run, however fast or slow the machine is.
        while try watcher.connection.query("SELECT FROM tilescout.run").isEmpty { Thread.sleep(forTimeInterval: 0.01) }
        guard case .running(let server) = cluster.status() else { throw NotRunning() }
        kill(server, SIGQUIT)  // an immediate shutdown: PostgreSQL's own word for a crash
        let outcome = try run.finish()
        #expect(outcome.status == 69, "\(outcome.error)")
        #expect(outcome.error.hasPrefix("error: ") && outcome.error.split(separator: "\n").count == 1, "\(outcome.error)")
        let again = try program.run(arguments)
        #expect(again.status == 0, "\(again.error)")
        #expect(try TileStore(.privateCluster(dataRoot: data)).contentHash() == expected)
    }

    @Test("Who is killed during a statement that takes long does not keep the pipeline: the server looks whether its client is there", .timeLimit(.minutes(1)))
    func killedDuringAStatement() throws {
        let night = try Night()
        try night.addScene("a.tif", seed: 1)
        #expect(try night.program.run(["db", "migrate"]).status == 0)
        let other = try TestCluster.shared.get().another(like: night.store.connection)
        try other.transaction {
            try other.execute(script: "LOCK TABLE tilescout.run")
            let run = try night.program.start(["run", night.pipeline, "--quiet"])
            while try night.store.connection.query("SELECT FROM pg_locks WHERE NOT granted AND relation = 'tilescout.run'::regclass").isEmpty {
                Thread.sleep(forTimeInterval: 0.01)
            }
            #expect(try !night.store.lockPipeline("night", shared: false))
            run.signal(SIGTERM)
            #expect(try run.finish().status == 143)
            let ended = Date()
            var isFree = false
            while !isFree, Date().timeIntervalSince(ended) < 15 {
                Thread.sleep(forTimeInterval: 0.1)
                isFree = try night.store.lockPipeline("night", shared: false)
            }
            #expect(isFree)
        }
    }

    @Test("A worker whose leader was gone before it began takes nothing")
    func lateOrphan() throws {
        let night = try Night("publish: {policy: manual}")
        try night.addScene("a.tif", seed: 1)
        #expect(try night.run().report?.outcome == "ready")
        let record = try #require(try night.store.runs(limit: 1).first)
        let run = try night.store.joinRun(
            pipeline: "night", RunRequest(collection: "test", model: record.model, options: record.options, tiling: "x", version: "test"))
        let tiling: Int = try night.store.connection.query("SELECT min(tiling_id) AS id FROM tilescout.run_scene")[0]["id"]
        try night.store.enqueue([(SceneFile(path: "/no/such.tif", size: 1, modifiedNanoseconds: 1), nil)], tilingID: tiling, run: run)
        let outcome = try night.program.run(["drain", "--parent", "1", "--run", "\(run.id)", "--worker-name", "w"])
        #expect(outcome.status == 99, "\(outcome.status) \(outcome.error)")
        #expect(try night.store.queueDepth(runID: run.id).waiting == 1)
    }

    @Test("What a server says that dies while a connection is made does not come before the error")
    func serverDiesWhileConnecting() throws {
        let server = try DyingServer(in: folder)
        defer { server.stop() }
        let outcome = try CommandLineProgram(environment: ["TILESCOUT_DATABASE": "host=\(folder.path) port=\(DyingServer.port) sslmode=disable"]).run(arguments)
        #expect(server.greeted > 0)
        #expect(outcome.status == 69, "\(outcome.error)")
        #expect(outcome.error.hasPrefix("error: ") && outcome.error.split(separator: "\n").count == 1, "\(outcome.error)")
    }

    private struct NotRunning: Error {}
}
