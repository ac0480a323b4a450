import Foundation
import PostgreSQL
import StoreSQL
import Testing
import TestCluster
import TileStore

@Suite struct MigratorTests {
    @Test func migratingTwiceChangesNothing() throws {
        let connection = try TestCluster.shared.get().emptyDatabase()
        let first = try Migrator(connection: connection).migrate()
        #expect(first.applied == (try StoreSQL.bundled().migrations.map(\.name)))
        #expect(try Migrator(connection: connection).migrate().applied.isEmpty)
        #expect(throws: Never.self) { try Migrator(connection: connection).ensureCompatible() }
    }

    /// Files of functions are applied in their order, and some of them call at once what they define: an earlier version's database has none of the new ones yet.
    @Test func aDatabaseWithoutTheNewFunctionsIsMigrated() throws {
        let f = try StoreFixture()
        // A published run without tiles is laid down by every migration.
        try f.store.finish(f.run, .published)
        try f.store.connection.execute(script: """
            DROP FUNCTION tilescout.code_run(int), tilescout.sort_by_look(int, int), tilescout.settle_looks(int), tilescout.forget_looks(int);
            COMMENT ON SCHEMA tilescout IS 'of an earlier version'
            """)
        _ = try f.store.migrate()
        #expect(try f.store.connection.query("SELECT FROM pg_proc WHERE proname IN ('code_run', 'sort_by_look', 'settle_looks', 'forget_looks')").count == 4)
    }

    @Test func twoMigrationsAtOnceAgree() async throws {
        let connection = try TestCluster.shared.get().emptyDatabase()
        let name: String = try connection.query("SELECT current_database() AS name")[0]["name"]
        let applied = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<2 {
                group.addTask { try Migrator(connection: TestCluster.shared.get().cluster.connect(database: name)).migrate().applied.count }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(applied.sorted() == [0, try StoreSQL.bundled().migrations.count])
    }

    @Test func aDatabaseOfANewerTilescoutIsRefused() throws {
        let connection = try TestCluster.shared.get().migratedDatabase()
        try connection.query("INSERT INTO tilescout.schema_migration (version, name, checksum, applied_by) VALUES (9999, '9999_later.sql', 'x', 'later')")
        for attempt in [{ try Migrator(connection: connection).ensureCompatible().isEmpty }, { try Migrator(connection: connection).migrate().applied.isEmpty }] {
            let error = #expect(throws: StoreError.self) { try attempt() }
            #expect(error?.code == .incompatibleSchema)
            #expect(error?.description.contains("version 9999, this tilescout knows up to") == true)
        }
    }

    @Test func aMigrationThatWasEditedIsRefused() throws {
        let connection = try TestCluster.shared.get().migratedDatabase()
        try connection.query("UPDATE tilescout.schema_migration SET checksum = 'other' WHERE version = 1")
        let error = #expect(throws: StoreError.self) { try Migrator(connection: connection).ensureCompatible() }
        #expect(error?.code == .incompatibleSchema)
    }

    @Test func anEmptyDatabaseIsToldApart() throws {
        let connection = try TestCluster.shared.get().emptyDatabase()
        #expect(throws: StoreError.self) { try Migrator(connection: connection).ensureCompatible() }
    }

    /// A version is only a row of the catalogue: an old one can be claimed.
    @Test func anOldPgvectorIsRefusedAndAShakyOneWarnedOf() throws {
        let connection = try TestCluster.shared.get().migratedDatabase()
        try connection.query("UPDATE pg_extension SET extversion = '0.8.1' WHERE extname = 'vector'")
        #expect(try Migrator(connection: connection).ensureCompatible().count == 1)
        try connection.query("UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'")
        let error = #expect(throws: StoreError.self) { try Migrator(connection: connection).migrate() }
        #expect(error?.code == .missingSoftware)
        #expect(error?.description.contains("pgvector 0.7.4, and tilescout needs 0.8.0") == true)
    }

    /// A crash after migration 0010 could take back what its sequence had given out; the next publication then met a number that was taken.
    @Test func anOrderOfPublishingThatACrashTookBackIsMended() throws {
        let f = try StoreFixture()
        try f.store.finish(f.run, .published)
        try f.store.connection.query("SELECT setval('tilescout.run_publish_order', 1, false)")
        // As a database is that the version before has left.
        try f.store.connection.query("DELETE FROM tilescout.schema_migration WHERE version = 11")
        try f.store.connection.query("COMMENT ON SCHEMA tilescout IS 'earlier'")
        #expect(try f.store.migrate().applied == ["0011_publish_order.sql"])
        let next = try f.store.beginRun(StoreFixture.request(collection: "next", model: f.model.name))
        try f.store.finish(next, .published)
        #expect(try f.store.runs().map(\.state) == ["published", "published"])
    }

    @Test func aFailingMigrationLeavesNothing() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "tilescout-sql-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for part in ["migrations", "functions"] { try FileManager.default.createDirectory(at: folder.appending(path: part), withIntermediateDirectories: true) }
        try StoreSQL.bundled().bootstrap.text.write(to: folder.appending(path: "bootstrap.sql"), atomically: true, encoding: .utf8)
        try "CREATE TABLE a (i int);".write(to: folder.appending(path: "migrations/0001_a.sql"), atomically: true, encoding: .utf8)
        try "SELECT 1/0;".write(to: folder.appending(path: "migrations/0002_b.sql"), atomically: true, encoding: .utf8)
        let connection = try TestCluster.shared.get().emptyDatabase()
        let error = #expect(throws: PostgreSQLError.self) { try Migrator(connection: connection, sql: StoreSQL(folder: folder)).migrate() }
        #expect(error?.description.hasPrefix("cannot apply migration 0002_b.sql: division by zero") == true)
        #expect(try connection.query("SELECT to_regnamespace('tilescout') IS NULL AS gone")[0]["gone"] == true)
    }
}
