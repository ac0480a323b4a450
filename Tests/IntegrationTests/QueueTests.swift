import Foundation
@testable import Ingest
@testable import Pipeline
import PostgreSQL
import Synchronization
import TestCluster
import TileStore
import Testing
import Tiling

/// The queue: each job is one worker's at a time, a lost worker's jobs are another's, and who kills workers is named.
@Suite("Queue")
struct QueueTests {
    private let store: TileStore
    private let run: Run

    init() throws {
        store = TileStore(connection: try TestCluster.shared.get().migratedDatabase())
        let model = try store.register(ModelDescription(name: "m", weightsSHA256: String(repeating: "b", count: 64), preprocessing: "{}", dimension: 8))
        run = try store.joinRun(pipeline: "p", RunRequest(collection: "c", model: model.name, options: "{}", tiling: "256", version: "test"))
    }

    private func enqueue(_ count: Int) throws {
        try store.enqueue(
            (0..<count).map { (SceneFile(path: "/s/\($0).tif", size: $0, modifiedNanoseconds: $0), nil) }, tilingID: run.tilingID, run: run)
    }

    private func claim(_ worker: String, _ most: Int = 10, lease: Int = 60, alone: Bool = true) throws -> [Job] {
        try store.claimJobs(runID: run.id, worker: worker, most: most, leaseSeconds: lease, alone: alone)
    }

    private func expireLeases() throws {
        try store.connection.query("UPDATE tilescout.job SET leased_until = now() - interval '1 s' WHERE state = 'leased'")
    }

    @Test("Four workers at once: every job is one worker's, none is lost, none done twice")
    func exclusive() throws {
        struct Lost: Error { let job: Int, worker: String }
        try enqueue(400)
        let stores = try (0..<4).map { _ in Unshared(TileStore(connection: try TestCluster.shared.get().another(like: store.connection))) }
        let threads = StageThreads(onFailure: {})
        let taken = Mutex<[String: [Int]]>([:])
        // None claims before all can.
        let ready = DispatchGroup()
        for _ in stores { ready.enter() }
        for (number, store) in stores.enumerated() {
            threads.start("worker") { [run] in
                let worker = "w\(number)"
                ready.leave()
                ready.wait()
                while case let jobs = try store.value.claimJobs(runID: run.id, worker: worker, most: 7, leaseSeconds: 60, alone: true), !jobs.isEmpty {
                    taken.withLock { $0[worker, default: []] += jobs.map(\.id) }
                    for job in jobs where try !store.value.endJob(job.id, worker: worker, .ingested) { throw Lost(job: job.id, worker: worker) }
                }
            }
        }
        try threads.join()
        let each = taken.withLock { $0 }, all = each.values.flatMap(\.self)
        #expect(all.count == 400 && Set(all).count == 400)
        #expect(each.count > 1, "one worker took them all: none was beside it")
        #expect(try store.queueDepth(runID: run.id).ingested == 400)
    }

    @Test("The same files again add nothing; what ended is tried again when it is asked for again")
    func enqueueTwice() throws {
        try enqueue(3)
        try enqueue(3)
        #expect(try store.queueDepth(runID: run.id).waiting == 3)
        let job = try #require(try claim("a", 1).first)
        #expect(try store.endJob(job.id, worker: "a", .failed(stage: "open", reason: "no")))
        try enqueue(3)
        #expect(try store.queueDepth(runID: run.id).waiting == 3)
    }

    @Test("A heartbeat keeps a lease; without one, another takes over, and the first may end nothing any more")
    func takeOver() throws {
        try enqueue(1)
        let job = try #require(try claim("a").first)
        #expect(try store.renewLeases(worker: "a", leaseSeconds: 60) == 1)
        #expect(try store.takeOverLost().isEmpty && claim("b").isEmpty)
        try expireLeases()
        #expect(try store.takeOverLost().map(\.isDead) == [false])
        #expect(try claim("b").map(\.id) == [job.id])
        #expect(try !store.endJob(job.id, worker: "a", .ingested))
        #expect(try store.endJob(job.id, worker: "b", .ingested))
    }

    @Test("What a dead worker had open is done alone; who kills twice is set aside and named, the others are done")
    func poison() throws {
        try enqueue(4)
        let jobs = try claim("a")
        for job in jobs.prefix(2) { #expect(try store.startJob(job.id, worker: "a")) }
        #expect(try store.blame(worker: "a", reason: "signal 11").count == 2)
        // The innocent first: suspects wait until nothing else is there, and come one at a time.
        let next = try claim("b")
        #expect(next.map(\.id) == jobs.suffix(2).map(\.id) && next.allSatisfy { !$0.isSuspect })
        #expect(try claim("b", alone: false).isEmpty)
        for job in next { #expect(try store.endJob(job.id, worker: "b", .ingested)) }
        let first = try claim("b")
        #expect(first.count == 1 && first[0].isSuspect)
        _ = try store.startJob(first[0].id, worker: "b")
        #expect(try store.blame(worker: "b", reason: "signal 11 (Segmentation fault)").map(\.isDead) == [true])
        let second = try claim("c")
        #expect(second.count == 1 && second[0].id != first[0].id)
        #expect(try store.endJob(second[0].id, worker: "c", .ingested))
        let failures = try store.jobFailures(runID: run.id)
        #expect(failures.count == 1 && failures[0].path == first[0].file.path && failures[0].reason.contains("Segmentation fault"))
        let outcomes = try store.outcomes(runID: run.id)
        #expect(outcomes.ingested == 3 && outcomes.dead == 1 && outcomes.open == 0)
    }

    @Test("A lease that ran out for a job that was not open yet accuses nobody")
    func unopened() throws {
        try enqueue(1)
        for _ in 0..<8 {
            _ = try claim("a")
            try expireLeases()
            _ = try store.takeOverLost()
        }
        #expect(try claim("b").map(\.isSuspect) == [false])
    }

    @Test("A scene's seconds run while it is worked on, not while it waits behind others")
    func secondsOfItsOwn() throws {
        try enqueue(1)
        let source = QueueSource(
            run: run, worker: "w", workers: .init(encoders: 1, cutters: 1), tilings: [run.tilingID: (TilingOptions(), "256")])
        let task = try #require(try source.next(store))
        func seconds() -> Duration? { source.underWay.first.flatMap(\.since).map { $0.duration(to: .now) } }
        #expect(seconds() == nil, "leased, not opened")
        #expect(try source.opens(task, store))
        Thread.sleep(forTimeInterval: 0.2)
        #expect(try #require(seconds()) >= .milliseconds(200))
        source.waits(task)
        #expect(seconds() == nil, "it waits for a cutter")
        let again = SuspendingClock.now
        source.goesOn(task)
        #expect(try #require(source.underWay.first?.since) >= again, "its turn begins anew")
        #expect(try source.ended(task, .ingested, store))
        #expect(source.underWay.isEmpty)
    }

    /// Pages of the queue and of its indexes that PostgreSQL has looked at: a measure of its work that other work on the machine leaves as it is.
    private func pagesLookedAt() throws -> Int {
        try store.connection.query("SELECT pg_stat_force_next_flush()")
        return try store.connection.query(
            "SELECT heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit AS pages FROM pg_statio_user_tables WHERE relid = 'tilescout.job'::regclass"
        )[0]["pages"]
    }

    @Test("100,000 jobs: the last tenth is taken and ended with about as much work as the first")
    func manyJobs() throws {
        try enqueue(100_000)
        var before = try pagesLookedAt()
        func pages() throws -> Int {
            let now = try pagesLookedAt()
            defer { before = now }
            return now - before
        }
        func tenth() throws -> Double {
            let started = Date()
            for _ in 0..<200 {
                let jobs = try claim("a", 50)
                #expect(jobs.count == 50)
                for job in jobs {
                    _ = try store.startJob(job.id, worker: "a")
                    _ = try store.endJob(job.id, worker: "a", .ingested)
                }
            }
            return Date().timeIntervalSince(started)
        }
        let tenths = try (0..<10).map { _ in (seconds: try tenth(), pages: try pages()) }
        #expect(try store.queueDepth(runID: run.id).isDrained)
        let times = tenths.map(\.seconds), work = tenths.map(\.pages)
        let (early, late) = (work[0..<3].sorted()[1], work[7..<10].sorted()[1])
        print("queue: \(times.map { String(format: "%.2f", $0) }.joined(separator: " ")) s for each 10,000 jobs, \(Int(times.reduce(0, +) * 10)) µs a job")
        #expect(early > 10_000 && 2 * late < 3 * early, "pages for each 10,000 jobs: \(work)")
    }

    /// A value handed over to one thread.
    private struct Unshared<Value>: @unchecked Sendable {
        let value: Value
        init(_ value: Value) { self.value = value }
    }
}
