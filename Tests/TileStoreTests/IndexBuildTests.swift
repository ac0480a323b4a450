import Foundation
import PostgreSQL
import Synchronization
import Testing
import TestCluster
@testable import TileStore

/// Building the index while others search and load, and what is left when it goes wrong.
@Suite("Index builds") struct IndexBuildTests {
    private static let dimension = 16
    private static let rows = 4_000

    /// A published run of `rows` tiles, and an index that pays from 500 rows on, and that searches prefer: HNSW, or lists by the extension.
    private func filled(byExtension: Bool = false) throws -> StoreFixture {
        var f = try StoreFixture(dimension: Self.dimension)
        try f.store.connection.query("SELECT tilescout.settle_packs($1)", [byExtension])
        try load(0..<Self.rows, into: &f, over: f.store)
        try f.replace("index_worthwhile(dimension int) RETURNS bigint STRICT", "SELECT 500::bigint")
        try f.plan(exactMicroseconds: "600 + rows")
        return f
    }

    /// A whole run: begun, filled, published.
    private func load(_ numbers: Range<Int>, into f: inout StoreFixture, over store: TileStore) throws {
        if numbers.lowerBound > 0 { f.run = try store.beginRun(f.run.request) }
        let scene = try store.upsertScene(StoreFixture.scene(numbers.lowerBound), run: f.run)
        _ = try store.merge(numbers.map { f.row($0, scene: scene, at: (Double($0 % 100) / 10, Double($0 / 100) / 10)) }, run: f.run)
        try store.finish(f.run, .published)
    }

    /// A session whose statements fail rather than wait for a lock.
    private func impatient(_ f: StoreFixture) throws -> TileStore {
        let store = try f.anotherStore()
        try store.connection.execute(script: "SET lock_timeout = '1s'")
        return store
    }

    /// Searches, and compares with all vectors: nearly all of the best ten, in order, none twice.
    private func check(_ store: TileStore, tiles: Int, byIndex: Bool? = nil, _ place: SourceLocation = #_sourceLocation) throws {
        var found = 0
        let questions = 5
        for question in 0..<questions {
            let query = StoreFixture.direction(100_000 + question, Self.dimension)
            let answer = try store.search(SearchRequest(embedding: query, k: 10))
            let nearest = (0..<tiles).map { (number: $0, likeness: zip(query, StoreFixture.direction($0, Self.dimension)).reduce(0) { $0 + $1.0 * $1.1 }) }
                .sorted { $0.likeness > $1.likeness }.prefix(10)
            #expect(Set(answer.hits.map(\.tileID)).count == 10, sourceLocation: place)
            #expect(zip(answer.hits, answer.hits.dropFirst()).allSatisfy { $0.distance <= $1.distance }, sourceLocation: place)
            if let byIndex { #expect(answer.exact == !byIndex, "\(answer.plan)", sourceLocation: place) }
            found += Set(answer.hits.map(\.tileID)).intersection(nearest.map { StoreFixture.id($0.number) }).count
        }
        #expect(found >= questions * 10 * 9 / 10, "\(found) of \(questions * 10)", sourceLocation: place)
    }

    private func indexes(_ f: StoreFixture) throws -> [String: Bool] {
        let rows = try f.anotherStore().connection.query("SELECT index_name, valid FROM tilescout.model_indexes($1::int)", [f.model.id])
        return Dictionary(uniqueKeysWithValues: try rows.map { (try $0["index_name"] as String, try $0["valid"] as Bool) })
    }

    private func reach(_ f: StoreFixture) throws -> Int? { try f.anotherStore().models()[0].indexedThroughRun }

    /// Waits until PostgreSQL says that the builder is in this phase.
    private func waitUntil(_ phase: String, _ process: Int, _ watcher: TileStore) throws {
        for _ in 0..<600 {
            let now: String? = try watcher.connection.query("SELECT phase FROM tilescout.index_progress($1::int)", [process])[0]["phase"]
            if now == phase { return }
            Thread.sleep(forTimeInterval: 0.05)
        }
        Issue.record("the build never came to: \(phase)")
    }

    /// Waits until the session waits for a lock that another one holds.
    private func waitUntilItWaits(_ process: Int, for other: Int, _ watcher: TileStore) throws {
        for _ in 0..<600 {
            if try watcher.connection.query("SELECT $2::int = ANY (pg_blocking_pids($1::int)) AS waits", [process, other])[0]["waits"] { return }
            Thread.sleep(forTimeInterval: 0.05)
        }
        Issue.record("process \(process) never waited for \(other)")
    }

    /// A build on a thread and a session of its own.
    private final class Build: Sendable {
        private let started = Mutex<Result<Int, any Error>?>(nil)
        private let outcome = Mutex<Result<IndexReport, any Error>?>(nil)
        private let connected = DispatchSemaphore(value: 0), ended = DispatchSemaphore(value: 0)

        init(_ f: StoreFixture, dropPatience: Int = 60, progress: (@Sendable (IndexProgress) -> Void)? = nil) {
            let model = f.model.name, open = f.store.connection.opener
            Thread.detachNewThread { [self] in
                defer { ended.signal() }
                do {
                    let store = TileStore(connection: try open())
                    started.withLock { $0 = .success(store.connection.backendPID) }
                    connected.signal()
                    let report = try store.buildIndexes(model: model, force: true, dropPatience: dropPatience, every: 0.05, progress: progress)
                    outcome.withLock { $0 = .success(report) }
                } catch {
                    started.withLock { $0 = $0 ?? .failure(error) }
                    outcome.withLock { $0 = .failure(error) }
                    connected.signal()
                }
            }
        }

        /// Of the server. To be asked once.
        func process() throws -> Int {
            connected.wait()
            return try started.withLock { try $0!.get() }
        }

        func isOver() -> Bool { outcome.withLock { $0 != nil } }

        /// To be asked once.
        func report() throws -> IndexReport {
            ended.wait()
            return try outcome.withLock { try $0!.get() }
        }
    }

    @Test("Neither searches nor loading wait for a build, nor for the drop of the former index")
    func nobodyWaits() throws {
        var f = try filled()
        #expect(try f.store.buildIndexes(model: f.model.name, force: true).action == "built")
        let former = try #require(try indexes(f).keys.first)
        var tiles = Self.rows
        try load(tiles..<tiles + 500, into: &f, over: f.store)
        tiles += 500

        // A loading transaction and two readers that were there before the build: it waits for them, at its beginning and at its end.
        let writer = try f.anotherStore(), reader = try f.anotherStore(), pastReader = try f.anotherStore(), others = try impatient(f)
        let table = "tilescout.embedding_\(f.model.id)"
        try writer.connection.execute(script: "BEGIN; UPDATE \(table) SET valid_fraction = 0.5 WHERE tile_id = (SELECT min(tile_id::text)::uuid FROM \(table))")
        try reader.connection.execute(script: "BEGIN")
        try check(reader, tiles: tiles)
        try reader.connection.execute(script: "SELECT")
        try pastReader.connection.execute(script: "BEGIN ISOLATION LEVEL REPEATABLE READ")
        try check(pastReader, tiles: tiles)
        let phases = Mutex<Set<String>>([])
        let build = Build(f) { progress in phases.withLock { _ = $0.insert(progress.phase) } }
        let process = try build.process()

        let past = tiles
        func goOn(_ place: SourceLocation = #_sourceLocation) throws {
            try check(others, tiles: tiles, place)
            try check(reader, tiles: tiles, place)
            // A statement with parameters keeps its snapshot until the next one; this reader is to have none, and its locks only.
            try reader.connection.execute(script: "SELECT")
            try check(pastReader, tiles: past, place)
            try load(tiles..<tiles + 10, into: &f, over: others)
            tiles += 10
            #expect(!build.isOver(), sourceLocation: place)
        }
        try waitUntil("waiting for writers before build", process, others)
        try goOn()
        try writer.connection.execute(script: "COMMIT")
        try waitUntil("waiting for old snapshots", process, others)
        try goOn()
        #expect(try reach(f) == 1, "switched only when it is complete")
        try pastReader.connection.execute(script: "COMMIT")
        try waitUntilItWaits(process, for: reader.connection.backendPID, others)
        #expect(try reach(f) == 2)
        try goOn()
        #expect(try indexes(f)[former] == false, "the former one is on its way out")
        try reader.connection.execute(script: "COMMIT")
        let report = try build.report()
        #expect(report.action == "built" && report.notes == [], "\(report)")
        #expect(try indexes(f) == [report.indexName!: true])
        try check(others, tiles: tiles)
        try check(reader, tiles: tiles)
        #expect(phases.withLock { $0.contains("waiting for writers before build") && $0.contains("waiting for old snapshots") })
    }

    @Test("A role that does not own the table builds in a transaction: loading waits, and that is said")
    func notTheOwner() throws {
        var f = try filled()
        let ingest = try f.anotherStore(), others = try impatient(f)
        try ingest.connection.execute(script: "SET ROLE tilescout_ingest")
        let first = try ingest.buildIndexes(model: f.model.name, force: true)
        #expect(first.action == "built" && first.notes.contains { $0.contains("loading waited") }, "\(first)")
        try check(others, tiles: Self.rows, byIndex: true)
        #expect(try ingest.buildIndexes(model: f.model.name, force: true).action == "kept")

        // Readers never wait for long: an index that is in use is left to the next build.
        try load(Self.rows..<Self.rows + 100, into: &f, over: f.store)
        let reader = try f.anotherStore()
        try reader.connection.execute(script: "BEGIN")
        try check(reader, tiles: Self.rows + 100)
        let second = try ingest.buildIndexes(model: f.model.name, force: true)
        #expect(second.action == "built" && second.notes.contains { $0.contains("is in use") }, "\(second)")
        #expect(try indexes(f).count == 2)
        try check(reader, tiles: Self.rows + 100)
        try reader.connection.execute(script: "COMMIT")
        #expect(try ingest.buildIndexes(model: f.model.name).action == "kept")
        #expect(try indexes(f) == [second.indexName!: true])

        try load(Self.rows + 100..<Self.rows + 200, into: &f, over: f.store)
        try ingest.connection.execute(script: "BEGIN")
        try ingest.connection.query("SELECT tilescout.build_index($1, true)", [f.model.name])
        let error = #expect(throws: PostgreSQLError.self) { try load(Self.rows + 200..<Self.rows + 210, into: &f, over: others) }
        #expect(error?.sqlstate == PostgreSQLError.State.lockNotAvailable)
        try ingest.connection.execute(script: "ROLLBACK")
        #expect(try reach(f) == 2, "rolled back as a whole")
    }

    @Test("A member of the owner builds without making anybody wait")
    func memberOfTheOwner() throws {
        let f = try filled()
        let member = "member_" + UUID().uuidString.lowercased().prefix(8)
        let store = try f.anotherStore()
        try store.connection.execute(script: "DO $$ BEGIN EXECUTE format('CREATE ROLE \(member) IN ROLE %I', current_user); END $$; SET ROLE \(member)")
        let report = try store.buildIndexes(model: f.model.name, force: true)
        #expect(report.action == "built" && report.notes == [], "\(report)")
    }

    @Test("A reader inside a transaction searched before the switch, and is answered right after it, whatever it saw of the model",
          arguments: ["READ COMMITTED", "REPEATABLE READ"])
    func switchInsideATransaction(isolation: String) throws {
        var f = try filled()
        #expect(try f.store.buildIndexes(model: f.model.name, force: true).action == "built")
        let reader = try f.anotherStore()
        try check(reader, tiles: Self.rows, byIndex: true)
        try load(Self.rows..<Self.rows + 500, into: &f, over: f.store)
        let tiles = Self.rows + 500
        // The new index is complete, then the reader comes, then searches are switched over.
        let statement: String? = try f.store.connection.query("SELECT statement FROM tilescout.plan_index($1, true)", [f.model.name])[0]["statement"]
        try f.store.connection.query(try #require(statement))
        try reader.connection.execute(script: "BEGIN ISOLATION LEVEL \(isolation)")
        try check(reader, tiles: tiles, byIndex: true)
        // Now the build finds that index, switches, and drops the former one as far as it can.
        let report = try f.anotherStore().buildIndexes(model: f.model.name, force: true, dropPatience: 1)
        #expect(report.action == "kept" && report.notes.contains { $0.contains("still to be dropped") }, "\(report)")
        #expect(try reach(f) == 2)
        #expect(try indexes(f).values.filter { $0 }.count == 1 && indexes(f).count == 2)
        try check(reader, tiles: tiles, byIndex: true)
        try reader.connection.execute(script: "COMMIT")
        try check(reader, tiles: tiles, byIndex: true)
        let next = try f.anotherStore().buildIndexes(model: f.model.name)
        #expect(next.action == "kept" && next.notes == [], "\(next)")
        #expect(try indexes(f).values.map { $0 } == [true])
        try check(reader, tiles: tiles, byIndex: true)
    }

    @Test("What a killed build leaves is dropped by the next one, which completes")
    func killedBuild() throws {
        let f = try filled()
        let writer = try f.anotherStore(), watcher = try f.anotherStore()
        try writer.connection.execute(script: "BEGIN; DELETE FROM tilescout.embedding_\(f.model.id) WHERE false")
        let build = Build(f)
        let process = try build.process()
        try waitUntil("waiting for writers before build", process, watcher)
        try watcher.connection.query("SELECT pg_terminate_backend($1::int, 5000)", [process])
        let error = #expect(throws: PostgreSQLError.self) { try build.report() }
        #expect(error?.connectionLost == true)
        #expect(try indexes(f).values.map { $0 } == [false], "what is left of it")
        try writer.connection.execute(script: "COMMIT")
        try check(watcher, tiles: Self.rows, byIndex: false)
        let report = try f.anotherStore().buildIndexes(model: f.model.name, force: true)
        #expect(report.action == "built")
        #expect(try indexes(f) == [report.indexName!: true])
        try check(watcher, tiles: Self.rows, byIndex: true)
    }

    @Test("A build that is cancelled drops what it began, and the former index serves")
    func cancelledBuild() throws {
        var f = try filled()
        let first = try f.store.buildIndexes(model: f.model.name, force: true)
        try load(Self.rows..<Self.rows + 100, into: &f, over: f.store)
        let writer = try f.anotherStore(), watcher = try f.anotherStore()
        try writer.connection.execute(script: "BEGIN; DELETE FROM tilescout.embedding_\(f.model.id) WHERE false")
        let build = Build(f, dropPatience: 30)
        let process = try build.process()
        try waitUntil("waiting for writers before build", process, watcher)
        try watcher.connection.query("SELECT pg_cancel_backend($1::int)", [process])
        try waitUntilItWaits(process, for: writer.connection.backendPID, watcher)
        try writer.connection.execute(script: "COMMIT")
        let error = #expect(throws: PostgreSQLError.self) { try build.report() }
        #expect(error?.sqlstate == PostgreSQLError.State.queryCanceled)
        #expect(try indexes(f) == [first.indexName!: true])
        try check(watcher, tiles: Self.rows + 100)
    }

    @Test("An index that was completed for a client that is gone is used, not built again")
    func killedClient() throws {
        let f = try filled()
        let statement: String? = try f.store.connection.query("SELECT statement FROM tilescout.plan_index($1, true)", [f.model.name])[0]["statement"]
        try f.store.connection.query(try #require(statement))
        try check(f.store, tiles: Self.rows, byIndex: false)
        let report = try f.store.buildIndexes(model: f.model.name)
        #expect(report.action == "kept" && report.rowsIndexed == Self.rows && report.rowsOutside == 0, "\(report)")
        try check(f.store, tiles: Self.rows, byIndex: true)
        // Somebody dropped it by hand: searches compare, and the next build builds.
        try f.store.connection.execute(script: "DROP INDEX tilescout.\(report.indexName!)")
        let again = try f.store.buildIndexes(model: f.model.name)
        let through = try f.store.models()[0].indexedThroughRun
        #expect(again.action == "built" && through == 1, "\(again) \(String(describing: through))")
    }

    @Test("Of two builders one builds and the other says so")
    func twoBuilders() throws {
        let f = try filled()
        let writer = try f.anotherStore(), watcher = try f.anotherStore()
        try writer.connection.execute(script: "BEGIN; DELETE FROM tilescout.embedding_\(f.model.id) WHERE false")
        let build = Build(f)
        let process = try build.process()
        try waitUntil("waiting for writers before build", process, watcher)
        #expect(try watcher.buildIndexes(model: f.model.name, force: true).action == "left to process \(process), which is building it")
        try watcher.connection.execute(script: "SET ROLE tilescout_ingest")
        #expect(try watcher.buildIndexes(model: f.model.name, force: true).action == "left to process \(process), which is building it")
        try writer.connection.execute(script: "COMMIT")
        let report = try build.report()
        #expect(report.action == "built")
        #expect(try indexes(f) == [report.indexName!: true])
        #expect(try f.anotherStore().buildIndexes(model: f.model.name, force: true).action == "kept", "the lock was given back")
    }

    @Test("Statistics wait for nobody: where they cannot be had they stay, and that is said")
    func statistics() throws {
        let f = try filled()
        let vacuum = try f.anotherStore()
        try vacuum.connection.execute(script: "BEGIN; LOCK TABLE tilescout.embedding_\(f.model.id) IN SHARE UPDATE EXCLUSIVE MODE")
        #expect(try f.store.connection.query("SELECT tilescout.analyze_model($1::int) AS done", [f.model.id])[0]["done"] == false)
        try vacuum.connection.execute(script: "COMMIT")
        #expect(try f.store.connection.query("SELECT tilescout.analyze_model($1::int) AS done", [f.model.id])[0]["done"] == true)
    }

    @Test("Lists are kept while they hold nearly all, and built anew when they do not")
    func lists() throws {
        var f = try filled(byExtension: true)
        try check(f.store, tiles: Self.rows, byIndex: false)
        let first = try f.store.buildIndexes(model: f.model.name)
        #expect(first.action == "built" && first.indexName == IndexReport.lists && first.rowsIndexed == Self.rows && first.rowsOutside == 0 && first.notes.isEmpty, "\(first)")
        #expect(try indexes(f).isEmpty && reach(f) == f.run.id)
        try check(f.store, tiles: Self.rows, byIndex: true)
        try load(Self.rows..<Self.rows + 50, into: &f, over: f.store)
        let kept = try f.store.buildIndexes(model: f.model.name)
        #expect(kept.action == "kept" && kept.rowsIndexed == Self.rows && kept.rowsOutside == 50, "\(kept)")
        try check(f.store, tiles: Self.rows + 50, byIndex: true)
        let tiles = Self.rows + 200
        try load(Self.rows + 50..<tiles, into: &f, over: f.store)
        try check(f.store, tiles: tiles, byIndex: true)
        let next = try f.anotherStore().buildIndexes(model: f.model.name)
        #expect(next.action == "built" && next.rowsIndexed == tiles && next.rowsOutside == 0 && next.notes.isEmpty, "\(next)")
        #expect(try reach(f) == f.run.id)
        try check(f.store, tiles: tiles, byIndex: true)
    }

    @Test("Lists take the place of an HNSW index that was there before the extension, which is dropped; without the extension HNSW comes back")
    func listsTakeOver() throws {
        let f = try filled()
        #expect(try f.store.buildIndexes(model: f.model.name).action == "built")
        #expect(try indexes(f).count == 1)
        try f.store.connection.execute(script: "SELECT tilescout.settle_packs()")
        try f.plan(exactMicroseconds: "600 + rows")
        try check(f.anotherStore(), tiles: Self.rows, byIndex: true)
        let report = try f.store.buildIndexes(model: f.model.name)
        #expect(report.action == "kept" && report.indexName == IndexReport.lists && report.rowsIndexed == Self.rows, "\(report)")
        #expect(try indexes(f).isEmpty)
        try check(f.anotherStore(), tiles: Self.rows, byIndex: true)
        try f.store.connection.execute(script: "SELECT tilescout.settle_packs(false)")
        try check(f.anotherStore(), tiles: Self.rows, byIndex: false)
        #expect(try f.store.buildIndexes(model: f.model.name).action == "built")
        #expect(try indexes(f).count == 1)
    }

    @Test("While lists are built others search and load, and a build that is rolled back leaves the former ones")
    func listsLetOthersWork() throws {
        var f = try filled(byExtension: true)
        #expect(try f.store.buildIndexes(model: f.model.name).action == "built")
        let first = f.run.id, others = try impatient(f), builder = try f.anotherStore()
        try load(Self.rows..<Self.rows + 1_000, into: &f, over: others)
        let second = f.run.id
        for (ending, reached) in [("ROLLBACK", first), ("COMMIT", second)] {
            try builder.connection.execute(script: "BEGIN")
            #expect(try builder.connection.query("SELECT action FROM tilescout.build_index($1)", [f.model.name])[0]["action"] == "built")
            let from = Self.rows + (ending == "COMMIT" ? 2_000 : 1_000)
            try check(others, tiles: from, byIndex: true)
            try load(from..<from + 1_000, into: &f, over: others)
            try check(others, tiles: from + 1_000, byIndex: true)
            try builder.connection.execute(script: ending)
            #expect(try reach(f) == (ending == "COMMIT" ? f.run.id - 1 : reached))
            try check(others, tiles: from + 1_000, byIndex: true)
        }
    }

    @Test("The session's settings are what they were")
    func settings() throws {
        let f = try filled()
        let names = ["statement_timeout", "lock_timeout", "client_min_messages", "max_parallel_maintenance_workers"]
        try f.store.connection.execute(script: "SET statement_timeout = '7min'; SET lock_timeout = '3min'; SET client_min_messages = error")
        func values() throws -> [String] { try names.map { try f.store.connection.query("SELECT current_setting($1) AS value", [$0])[0]["value"] } }
        let before = try values()
        #expect(try f.store.buildIndexes(model: f.model.name, force: true).action == "built")
        #expect(try values() == before)
    }

    @Test("A graph that outgrows maintenance_work_mem is told")
    func memory() throws {
        let f = try filled()
        try f.store.connection.execute(script: "SET maintenance_work_mem = '1MB'")
        let report = try f.store.buildIndexes(model: f.model.name, force: true)
        #expect(report.notes.contains { $0.contains("no longer fits") } && report.notes.contains { $0.hasPrefix("maintenance_work_mem is 1MB") }, "\(report)")
    }
}
