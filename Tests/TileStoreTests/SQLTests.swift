import Foundation
import PostgreSQL
import Testing
import TestCluster
@testable import TileStore

@Suite struct SQLTests {
    /// sql/tests, by pg_prove against a fresh database of the test cluster.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/pg_prove"), "did not run: pg_prove is not installed (apt-get install postgresql-15-pgtap)"))
    func pgTAPTestsPass() throws {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../sql/tests").standardizedFileURL
        let connection = try TestCluster.shared.get().migratedDatabase()
        try connection.execute(script: "CREATE EXTENSION pgtap SCHEMA public")
        let name: String = try connection.query("SELECT current_database() AS name")[0]["name"]
        let outcome = try Program.run([
            "pg_prove", "--host", TestCluster.shared.get().cluster.socketFolder.path, "--username", "tilescout", "--dbname", name, "--ext", ".sql",
            "--recurse", tests.path,
        ])
        #expect(outcome.status == 0, "\(outcome.output)")
    }
}
