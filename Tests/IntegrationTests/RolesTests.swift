import Foundation
import PostgreSQL
import TestCluster
import TileStore
import Testing

/// Least rights: who reads cannot write, who ingests cannot decide which model answers.
@Suite("Roles", .serialized)
struct RolesTests {
    private func refusal(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch let error as PostgreSQLError {
            return error.sqlstate
        } catch {
            return "\(error)"
        }
    }

    @Test("The database's owner needs no superuser's rights, in sessions that have not used pgvector yet")
    func owner() throws {
        let maintenance = try TestCluster.shared.get().emptyDatabase()
        let owner = "owner_" + UUID().uuidString.lowercased().prefix(8)
        try maintenance.execute(script: """
            CREATE EXTENSION postgis SCHEMA public;
            CREATE EXTENSION vector SCHEMA public;
            CREATE ROLE \(owner) CREATEROLE;
            DO $$ BEGIN EXECUTE format('ALTER DATABASE %I OWNER TO \(owner)', current_database()); END $$;
            """)
        func session() throws -> TileStore {
            let connection = try TestCluster.shared.get().another(like: maintenance)
            try connection.execute(script: "SET ROLE \(owner)")
            return TileStore(connection: connection)
        }
        try session().migrate()
        let model = try session().register(ModelDescription(name: "m", weightsSHA256: String(repeating: "c", count: 64), preprocessing: "{}", dimension: 8))
        try session().connection.query("SELECT tilescout.make_model_search($1::int, NULL)", [model.id])
        try session().connection.query("SELECT tilescout.build_index('m', true)")
        #expect(try session().search(SearchRequest(embedding: [1, 0, 0, 0, 0, 0, 0, 0], k: 3)).hits.isEmpty)
        // Only a superuser may let tilescout.search be the extension's function; the owner has SQL that calls it, afterwards as well.
        for (connection, language) in [(try session().connection, "sql"), (maintenance, "c"), (try session().connection, "sql")] {
            try connection.query("SELECT tilescout.settle_packs()")
            let made = try connection.query("SELECT l.lanname::text AS language, p.prosrc FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE p.oid = 'tilescout.search'::regproc")[0]
            #expect(try made["language"] == language && (made["prosrc"] as String).contains("native_search"))
            #expect(try session().connection.query("SELECT FROM tilescout.search(embedding => '[1,0,0,0,0,0,0,0]', k => 3)").isEmpty)
        }
    }

    @Test("tilescout_ingest runs a whole night, and may neither choose the model nor change the schema; tilescout_read only reads")
    func rights() throws {
        let store = TileStore(connection: try TestCluster.shared.get().migratedDatabase())
        let connection = store.connection
        try connection.execute(script: "SET ROLE tilescout_ingest")
        let model = try store.register(ModelDescription(name: "m", weightsSHA256: String(repeating: "c", count: 64), preprocessing: "{}", dimension: 8))
        #expect(try store.lockPipeline("p", shared: false))
        guard case .joined(let run) = try store.joinRun(
            pipeline: "p", RunRequest(collection: "c", model: model.name, options: "{}", tiling: "256", version: "test"), array: "a")
        else { throw CancellationError() }
        try store.enqueue([(SceneFile(path: "/a.tif", size: 1, modifiedNanoseconds: 1), nil)], tilingID: run.tilingID, run: run)
        let job = try #require(try store.claimJobs(runID: run.id, worker: "w", most: 1, leaseSeconds: 60, alone: true).first)
        #expect(try store.startJob(job.id, worker: "w") && store.endJob(job.id, worker: "w", .failed(stage: "open", reason: "no")))
        try store.reportWorker("w", runID: run.id, started: Date(), counts: "{}")
        #expect(try store.shardDone(0, of: 1, array: "a", run: run))
        _ = try store.noteMissing([], retire: true, run: run)
        try store.recordFailure(run, path: "/a.tif", stage: "open", reason: "no")
        try store.finish(run, .published)
        _ = try store.buildIndexes(model: model.name)
        _ = try store.prune(collection: "c", keepRuns: 1)
        #expect(try store.rollBack(runID: run.id) == [run.id])
        let denied = PostgreSQLError.State.insufficientPrivilege
        #expect(refusal { try store.serve(model: "m") } == denied)
        #expect(refusal { try connection.execute(script: "DROP TABLE tilescout.job") } == denied)
        #expect(refusal { try connection.execute(script: "UPDATE tilescout.model SET serving = false") } == denied)

        try connection.execute(script: "SET ROLE tilescout_read")
        #expect(try store.runs().count == 1 && store.queueDepth(runID: run.id).failed == 1)
        _ = try store.scenes()
        #expect(refusal { try store.enqueue([(SceneFile(path: "/b.tif", size: 1, modifiedNanoseconds: 1), nil)], tilingID: run.tilingID, run: run) } == denied)
        #expect(refusal { try store.publish(runID: run.id) } == denied)
        #expect(refusal { _ = try store.register(ModelDescription(name: "n", weightsSHA256: String(repeating: "d", count: 64), preprocessing: "{}", dimension: 8)) } == denied)

        try connection.execute(script: "SET ROLE tilescout_admin")
        #expect(try store.serve(model: "m") == "m")
    }
}
