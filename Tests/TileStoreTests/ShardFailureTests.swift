import Foundation
import PostgreSQL
import Testing
import TestCluster
import TileStore

/// What is no answer: a shard that is away, one with another schema, one with another model.
@Suite("Shards that fail") struct ShardFailureTests {
    private func fixture() throws -> ShardFixture {
        try ShardFixture.random(seed: 6, clusters: [try TestCluster.shared.get(), try ShardFixture.second.get(), try ShardFixture.third.get()])
    }

    private func search(_ f: ShardFixture, _ more: String = "", k: Int = 50) throws -> [(tile: UUID, shard: String)] {
        let look = StoreFixture.direction(1, ShardFixture.dimension).map { "\($0)" }.joined(separator: ",")
        return try f.coordinator.query("SELECT tile_id, shard FROM tilescout.search_shards(embedding => '[\(look)]', k => \(k)\(more))")
            .map { (try $0["tile_id"], try $0["shard"]) }
    }

    @Test("A shard that is down is an error that names it; asked for, the others answer; back again, it answers in the same session")
    func shardDown() throws {
        let mortal = try TestCluster(named: "mortal")
        let f = try ShardFixture.random(seed: 6, clusters: [try TestCluster.shared.get(), try ShardFixture.second.get(), mortal])
        let whole = try search(f)
        #expect(Set(whole.map(\.shard)) == ["a", "b", "c"])
        try mortal.cluster.stop()
        for _ in 0..<2 {
            // With a connection from before, then with none.
            let error = #expect(throws: PostgreSQLError.self) { try search(f) }
            #expect(error?.message.hasPrefix("shard c cannot be reached: ") == true && error?.sqlstate == "08006", "\(error?.description ?? "")")
            #expect(error?.hint?.contains("allow_missing") == true)
        }
        _ = f.coordinator.takeNotices()
        let rest = try search(f, ", allow_missing => true", k: 2400)
        #expect(f.coordinator.takeNotices().contains { $0.severity == "WARNING" && $0.message.hasPrefix("shard c is missing from this answer: ") })
        #expect(rest.count == f.tiles.count { tile in f.scenes[tile.scene].shards != ["c"] })
        let error = #expect(throws: PostgreSQLError.self) { try f.coordinator.query("SELECT tilescout.add_shard('c', 'server_c')") }
        #expect(error?.message.hasPrefix("shard c cannot be reached: ") == true, "\(error?.description ?? "")")
        try mortal.cluster.start()
        #expect(try search(f).map(\.tile) == whole.map(\.tile))
        // A connection that broke unnoticed is made anew.
        try mortal.cluster.stop()
        try mortal.cluster.start()
        #expect(try search(f).map(\.tile) == whole.map(\.tile))
        #expect(f.coordinator.takeNotices().allSatisfy { $0.severity != "WARNING" })
    }

    @Test("Vectors of another model under the same name are refused, when the shard is added and later")
    func otherModel() throws {
        let f = try fixture()
        let c = f.shards[2].store.connection
        for (change, reason) in [
            ("weights_sha256 = repeat('b', 64)", "other weights"), (#"preprocessing = '{"side": 300}'"#, "other preprocessing"), ("name = 'twin'", "its model twin is"),
        ] {
            try c.execute(script: "UPDATE tilescout.model SET \(change)")
            let asked = #expect(throws: PostgreSQLError.self) { try search(f) }
            #expect(asked?.message.hasPrefix("shard c: ") == true && asked?.message.contains(reason) == true, "\(asked?.description ?? "")")
            try f.coordinator.query("SELECT tilescout.remove_shard('c')")
            let added = #expect(throws: PostgreSQLError.self) { try f.coordinator.query("SELECT tilescout.add_shard('c', 'server_c')") }
            #expect(added?.message.hasPrefix("shard c: ") == true && added?.message.contains("registered") == true, "\(added?.description ?? "")")
            #expect(try f.coordinator.query("SELECT count(*) AS n FROM tilescout.shards")[0]["n"] as Int == 2)
            try c.execute(script: """
                UPDATE tilescout.model SET name = '\(ShardFixture.model.name)', weights_sha256 = '\(ShardFixture.model.weightsSHA256)', preprocessing = '\(ShardFixture.model.preprocessing)'
                """)
            try f.coordinator.query("SELECT tilescout.add_shard('c', 'server_c')")
        }
        #expect(Set(try search(f).map(\.shard)) == ["a", "b", "c"])
    }

    @Test("Another version of the schema, and another build's functions, are refused")
    func otherSchema() throws {
        let f = try fixture()
        let c = f.shards[2].store.connection
        try c.execute(script: "INSERT INTO tilescout.schema_migration (version, name, checksum, applied_by) VALUES (9999, '9999_later.sql', 'x', 'later')")
        let another = try TestCluster.shared.get().another(like: f.coordinator)
        var error = #expect(throws: PostgreSQLError.self) { try another.query("SELECT tilescout.add_shard('c', 'server_c')") }
        #expect(error?.message.hasPrefix("shard c: its schema is version 9999, the coordinator's is ") == true, "\(error?.description ?? "")")
        try c.execute(script: "DELETE FROM tilescout.schema_migration WHERE version = 9999; COMMENT ON SCHEMA tilescout IS 'Files: \(String(repeating: "0", count: 64))'")
        // In a session that is connected already, too.
        error = #expect(throws: PostgreSQLError.self) { try search(f) }
        #expect(error?.message == "shard c: its schema is of another build of tilescout", "\(error?.description ?? "")")
        #expect(error?.hint?.contains("db migrate") == true)
        let empty = TileStore(connection: try ShardFixture.second.get().emptyDatabase())
        try ShardFixture.addServer("empty", empty, try ShardFixture.second.get(), to: f.coordinator)
        error = #expect(throws: PostgreSQLError.self) { try f.coordinator.query("SELECT tilescout.add_shard('empty', 'server_empty')") }
        #expect(error?.message == "shard empty: its database has no tilescout schema", "\(error?.description ?? "")")
    }

    @Test("The list of shards says what is wrong with a name or a server")
    func wrongLists() throws {
        let f = try fixture()
        for (statement, reason) in [
            ("tilescout.add_shard('d', 'nowhere')", "there is no foreign server nowhere"), ("tilescout.add_shard('d', 'host=/tmp dbname=x')", "there is no foreign server"),
            ("tilescout.add_shard('d', 'server_a')", "shard a is server server_a already"), ("tilescout.add_shard('a', 'server_b')", "shard a is server server_a already"),
            ("tilescout.remove_shard('d')", "there is no shard d"),
        ] {
            let error = #expect(throws: PostgreSQLError.self) { try f.coordinator.query("SELECT \(statement)") }
            #expect(error?.message.hasPrefix(reason) == true, "\(error?.description ?? "")")
        }
        try f.coordinator.execute(script: "DROP VIEW tilescout.all_tiles; DROP SERVER server_b CASCADE")
        let another = try TestCluster.shared.get().another(like: f.coordinator)
        let error = #expect(throws: PostgreSQLError.self) { try another.query("SELECT * FROM tilescout.search_shards(like_tile => '\(f.tiles[0].id)')") }
        #expect(error?.message.hasPrefix("shard b: there is no foreign server server_b") == true, "\(error?.description ?? "")")
    }

    @Test("A search that takes too long ends, and so does what a shard does for it")
    func interrupted() throws {
        let f = try fixture()
        let whole = try search(f)
        let blocker = try ShardFixture.second.get().another(like: f.shards[1].store.connection)
        try blocker.execute(script: "BEGIN; LOCK TABLE tilescout.tile, tilescout.embedding_1")
        // By its own time limit, which strikes once: cancelling() does so again and again, also while the connections are being closed.
        try f.coordinator.execute(script: "SET statement_timeout = '3s'")
        let error = #expect(throws: PostgreSQLError.self) { try search(f) }
        #expect(error?.sqlstate == PostgreSQLError.State.queryCanceled, "\(error?.description ?? "")")
        // The shard learns of it a moment later.
        func waiting() throws -> Int {
            try blocker.query("SELECT count(*) AS n FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")[0]["n"]
        }
        let patience = Date().addingTimeInterval(30)
        while try waiting() > 0, Date() < patience { Thread.sleep(forTimeInterval: 0.1) }
        #expect(try waiting() == 0)
        // A cancellation that meets another one leaves connections in any state; the next question is not answered with the answer to this one.
        try f.coordinator.execute(script: "RESET statement_timeout")
        let cancelled = try cancelling(f.coordinator) { #expect(throws: PostgreSQLError.self) { try search(f) } }
        #expect(cancelled?.sqlstate == PostgreSQLError.State.queryCanceled, "\(cancelled?.description ?? "")")
        try blocker.execute(script: "ROLLBACK")
        #expect(try search(f).map(\.tile) == whole.map(\.tile))
        #expect(try search(f, k: 7).map(\.tile) == whole.prefix(7).map(\.tile))
    }
}
