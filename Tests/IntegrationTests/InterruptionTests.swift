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
