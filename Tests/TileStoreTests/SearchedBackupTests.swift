import Foundation
import PostgreSQL
import Testing
import TestCluster
@testable import TileStore

/// Searches of a restored dump: rows are no longer where codes and lists say (docs/operations.md).
@Suite struct SearchedBackupTests {
    /// A database whose owner, who is no superuser, has put the schema into it; or one without a schema.
    private func owned(by owner: String, migrated: Bool) throws -> TileStore {
        let connection = try TestCluster.shared.get().emptyDatabase()
        try connection.execute(script: """
            CREATE EXTENSION postgis SCHEMA public;
            CREATE EXTENSION vector SCHEMA public;
            DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO \(owner)', current_database()); END $$;
            SET ROLE \(owner);
            """)
        let store = TileStore(connection: connection)
        if migrated { _ = try store.migrate() }
        return store
    }

    private func url(_ store: TileStore) throws -> String {
        try TestCluster.shared.get().cluster.conninfo(database: store.connection.query("SELECT current_database() AS name")[0]["name"]).text
    }

    private func run(_ command: String...) throws {
        let outcome = try Program.run(command)
        try #require(outcome.status == 0, "\(command): \(outcome.output)")
    }

    /// Whole rows, of areas so small that all in them is compared.
    private func compared(_ f: StoreFixture, _ questions: [[Float]]) throws -> [String] {
        try f.plan(fewCells: 1000)
        defer { try? f.plan(fewCells: 1) }
        return try questions.enumerated().flatMap { turn, question in
            let west = Double(turn % 8), dates = turn % 2 == 0 ? "NULL" : "'[2020-09-15,2020-12-25)'::tstzrange"
            return try f.store.connection.query("""
                SELECT x::text AS row FROM tilescout.search(embedding => \(StoreFixture.literal(question)), k => 20, acquired => \(dates),
                    within => tilescout.bbox(\(west), 2, \(west + 1.3), 7)) AS x
                """).map { try $0["row"] as String }
        }
    }

    private func rowsInPlace(_ f: StoreFixture) throws -> String {
        try f.store.connection.query("SELECT string_agg(tile_id || ' ' || ctid, ',' ORDER BY tile_id) AS rows FROM tilescout.embedding_1")[0]["rows"]
    }

    @Test("A restored dump is searched as the original, before its rows are found by their places again and after", arguments: [false, true]) func restored(byOwner: Bool) throws {
        let owner = "owner_" + UUID().uuidString.lowercased().prefix(8)
        try TestCluster.shared.get().migratedDatabase().execute(script: "CREATE ROLE \(owner) CREATEROLE")
        let (f, looks) = try LooksTests().filled(byOwner ? owned(by: owner, migrated: true) : nil, small: true)
        // Rows after theirs move up in the copy.
        for scene in [1, 12, 50] { _ = try f.store.forget(sceneID: scene) }
        let questions = LooksTests().questions(looks, 24), original = try compared(f, questions), hash = try f.store.contentHash()
        #expect(original.count >= 400)

        let dump = FileManager.default.temporaryDirectory.appendingPathComponent("\(owner).dump").path, list = dump + ".list"
        defer { for path in [dump, list] { unlink(path) } }
        var copy = f
        try run("pg_dump", "--format=custom", "--file", dump, "--dbname", url(f.store))
        if byOwner {
            copy.store = try owned(by: owner, migrated: false)
            // What a superuser has put there.
            try run("sh", "-c", "pg_restore --list '\(dump)' | grep -vE 'EXTENSION .*(postgis|vector)|spatial_ref_sys' > '\(list)'")
            try run("pg_restore", "--exit-on-error", "--role", owner, "--use-list", list, "--dbname", url(copy.store), dump)
        } else {
            copy.store = TileStore(connection: try TestCluster.shared.get().emptyDatabase())
            try run("pg_restore", "--exit-on-error", "--dbname", url(copy.store), dump)
        }
        #expect(try copy.store.ensureCompatible().isEmpty && copy.store.contentHash() == hash && copy.held() == f.held())

        func check() throws {
            #expect(try compared(copy, questions) == original)
            let found = try copy.recall(questions, areas: ["NULL", "tilescout.bbox(0, 0, 9.2, 9.2)"])
            #expect(found.share >= 0.995 && found.byLists >= 20, "\(found)")
        }
        #expect(try rowsInPlace(copy) != rowsInPlace(f))
        try check()
        try copy.store.connection.query("SELECT tilescout.settle_looks($1::int)", [f.model.id])
        let before = try f.held(), after = try copy.held()
        #expect(after.vectors == before.vectors && after.generation != before.generation, "\(after)")
        try check()
        #expect(try copy.store.contentHash() == hash)
    }
}
