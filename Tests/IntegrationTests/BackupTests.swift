import Foundation
import PostgreSQL
import TestCluster
import TileStore
import Testing

/// What docs/operations.md says of backup and restore, done.
@Suite("Backup", .serialized)
struct BackupTests {
    @Test("A dump restored into an empty database has the same content, and the next run finds nothing to do")
    func dumpAndRestore() throws {
        let night = try Night()
        try night.addScene("a.tif", seed: 1)
        #expect(try night.run().status == 0)
        let cluster = try TestCluster.shared.get().cluster
        let dump = night.folder.appendingPathComponent("tilescout.dump").path
        let name: String = try night.store.connection.query("SELECT current_database() AS name")[0]["name"]
        let empty = try TestCluster.shared.get().emptyDatabase()
        let target: String = try empty.query("SELECT current_database() AS name")[0]["name"]
        func run(_ program: String, _ arguments: [String]) throws -> Int32 {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = [program] + arguments
            try process.run()
            process.waitUntilExit()
            return process.terminationStatus
        }
        #expect(try run("pg_dump", ["--format=custom", "--file", dump, "--dbname", cluster.conninfo(database: name).text]) == 0)
        #expect(try run("pg_restore", ["--exit-on-error", "--dbname", cluster.conninfo(database: target).text, dump]) == 0)
        let restored = TileStore(connection: try cluster.connect(database: target))
        #expect(try restored.contentHash() == night.store.contentHash())
        _ = try restored.ensureCompatible()
        let program = CommandLineProgram(environment: ["TILESCOUT_DATABASE": try cluster.conninfo(database: target).text])
        let outcome = try program.run(["run", night.pipeline, "--json", "--quiet"])
        let report = try JSONDecoder().decode(Night.Report.self, from: Data(outcome.output.utf8))
        #expect(outcome.status == 0 && report.scenes.unchanged == 1 && report.tiles.seen == 0, "\(outcome.error)")
    }
}
