import PostgreSQL
import Testing
import TestCluster
import TileStore

/// A search that takes too long, or is not wanted any more.
@Suite("Interrupted searches") struct InterruptedSearchTests {
    private func filled() throws -> StoreFixture {
        let f = try StoreFixture(dimension: 256)
        let scene = try f.addScene(1)
        for start in stride(from: 0, to: 12_000, by: 4_000) {
            _ = try f.store.merge((start..<start + 4_000).map { f.row($0, scene: scene, at: (Double($0 % 100) / 10, Double($0 / 100) / 100)) }, run: f.run)
        }
        try f.store.finish(f.run, .published)
        return f
    }

    /// Long enough to be interrupted: every place of every tile is compared with the others.
    private var long: SearchRequest {
        var request = SearchRequest(embedding: StoreFixture.direction(1, 256), k: 10_000)
        request.onePerPlace = true
        return request
    }

    @Test("A statement timeout says so, and the connection is good after")
    func statementTimeout() throws {
        let f = try filled()
        try f.store.connection.execute(script: "SET statement_timeout = '20ms'")
        let error = #expect(throws: PostgreSQLError.self) { try f.store.search(long) }
        #expect(error?.sqlstate == PostgreSQLError.State.queryCanceled && error?.description.contains("statement timeout") == true, "\(error?.description ?? "")")
        #expect(error?.description.hasPrefix("cannot search") == true)
        try f.store.connection.execute(script: "RESET statement_timeout")
        #expect(f.store.connection.isUsable)
        #expect(try f.store.search(SearchRequest(embedding: StoreFixture.direction(1, 256), k: 10)).hits.count == 10)
        // The search changes settings while it runs: none of them stays.
        for setting in ["enable_seqscan", "enable_sort", "enable_bitmapscan", "enable_hashjoin"] {
            #expect(try f.store.connection.query("SELECT current_setting($1) AS value", [setting])[0]["value"] as String == "on")
        }
    }

    @Test("A cancelled search says so, and the connection is good after")
    func cancel() throws {
        let f = try filled()
        // The search waits for a lock that another connection holds: it is under way when it is cancelled, however quick it is.
        let other = try f.anotherStore()
        try other.connection.execute(script: "BEGIN; LOCK TABLE tilescout.embedding_\(f.model.id)")
        let error = try cancelling(f.store.connection) { #expect(throws: PostgreSQLError.self) { try f.store.search(long) } }
        try other.connection.execute(script: "ROLLBACK")
        #expect(error?.sqlstate == PostgreSQLError.State.queryCanceled && error?.description.contains("user request") == true, "\(error?.description ?? "")")
        #expect(f.store.connection.isUsable)
        #expect(try f.store.search(SearchRequest(embedding: StoreFixture.direction(1, 256), k: 10)).hits.count == 10)
    }
}
