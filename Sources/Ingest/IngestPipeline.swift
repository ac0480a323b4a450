import Embedding
import Foundation
import Synchronization
import TileGrid
import TileStore
import Tiling

/// Scenes in, searchable tiles out: scan → cut → encode → store, each stage on threads of its own, bounded queues between.
///
/// The memory in use is what the queues hold plus one row of tiles per cutter, whatever the size of a scene. A run is
/// hidden from searches until it is published at its end; a run that was cut short is continued by the next one with the
/// same options.
public struct IngestPipeline {
    private let options: IngestOptions
    private let openStore: @Sendable () throws -> TileStore
    private let display: (any ProgressDisplay)?

    /// - Parameter openStore: opens a session of its own with the store; called on the threads that use it.
    public init(
        options: IngestOptions, display: (any ProgressDisplay)? = nil,
        openStore: @escaping @Sendable () throws -> TileStore
    ) {
        self.options = options
        self.display = display
        self.openStore = openStore
    }

    /// Runs to the end.
    ///
    /// - Returns: what was done; scenes that failed are in it, each with its reason.
    /// - Throws: `IngestError` where there is nothing to ingest, and the store's error where it went away: then nothing of
    ///   an unfinished batch has happened, and the next run continues.
    public func run() throws -> IngestReport {
        let started = Date()
        try options.tiling.validate()
        let discovery = try discoverScenes(options.roots)
        guard !discovery.candidates.isEmpty || !discovery.problems.isEmpty else {
            throw IngestError(.input, "ingest \(options.roots.joined(separator: ", "))", reason: "no raster found there")
        }
        let store = try openStore()
        let model = try store.register(options.model.registration)
        let tiling = try CanonicalJSON.text(options.tiling)
        let run = try store.beginRun(RunRequest(
            collection: options.collection, model: model.name, options: #"{"tiling":\#(tiling)}"#, tiling: tiling,
            version: TilescoutVersion.current))
        do {
            return try ingest(discovery, run: run, store: store, started: started)
        } catch {
            // What was merged stays, hidden; the next run with these options continues. The server may be what is gone.
            try? store.finish(run, .interrupted(reason: "\(error)"))
            throw error
        }
    }

    private func ingest(
        _ discovery: SceneDiscovery, run: Run, store: TileStore, started: Date
    ) throws -> IngestReport {
        let meter = ProgressMeter(activity: "ingesting", display: display)
        meter.found(scenes: discovery.candidates.count + discovery.problems.count)

        let job = IngestJob(options: options, run: run, meter: meter)
        for problem in discovery.problems {
            job.report.withLock {
                $0.failures.append(.init(path: problem.path, stage: "discover", reason: problem.reason))
            }
            meter.sceneDone(failed: true)
        }
        let threads = StageThreads(onFailure: job.cancel)
        let (openStore, candidates) = (openStore, discovery.candidates)
        threads.start("scan") { try ScanStage(job: job, store: openStore()).run(candidates) }
        let cutters = CountDown(options.concurrency.cutters) { job.cutTiles.finish() }
        for _ in 0..<options.concurrency.cutters {
            threads.start("cut") {
                try CutStage(job: job).run()
                cutters.arrive()
            }
        }
        let encoders = CountDown(options.concurrency.encoders) { job.encoded.finish() }
        for _ in 0..<options.concurrency.encoders {
            threads.start("encode") {
                try EncodeStage(job: job).run()
                encoders.arrive()
            }
        }
        threads.start("store") { try StoreStage(job: job, store: openStore()).run() }
        defer { meter.finish() }
        try threads.join()

        var report = job.report.withLock { $0 }
        report.scenesFound = discovery.candidates.count + discovery.problems.count
        report.runID = run.id
        report.resumed = run.isResumed
        report.failures.sort { $0.path < $1.path }
        report.busySeconds = job.clock.total
        report.seconds = Date().timeIntervalSince(started)
        for failure in report.failures {
            try store.recordFailure(run, path: failure.path, stage: failure.stage, reason: failure.reason)
        }
        try store.finish(run, .published, counts: CanonicalJSON.text(report))
        _ = try store.buildIndexes(model: run.request.model)
        report.seconds = Date().timeIntervalSince(started)
        return report
    }
}

/// What the stages of one run share.
final class IngestJob: Sendable {
    let options: IngestOptions
    let run: Run
    let meter: ProgressMeter
    let clock = BusyClock()
    let report = Mutex(IngestReport())

    /// Pixels in one batch at most, unless a single tile has more: with two batches waiting for each encoder and one in
    /// it, two encoders hold 48 MiB.
    private static let batchBytes = 8 << 20

    /// Scenes ahead of the cutters: a few, so that hashing the next one overlaps cutting this one.
    let scenes = BoundedQueue<ScannedScene>(capacity: 4)
    /// Tiles ahead of the encoders: two batches for each.
    let cutTiles: BoundedQueue<CutMessage>
    /// Tiles encoded together: as many as asked for, fewer where tiles are large.
    let batch: Int
    /// Embedded batches ahead of the store: they are small.
    let encoded = BoundedQueue<StoreMessage>(capacity: 64)

    init(options: IngestOptions, run: Run, meter: ProgressMeter) {
        self.options = options
        self.run = run
        self.meter = meter
        let tileBytes = options.tiling.tileSize * options.tiling.tileSize * 3
        batch = max(1, min(options.concurrency.batch, Self.batchBytes / tileBytes))
        cutTiles = BoundedQueue(capacity: 2 * batch * options.concurrency.encoders)
    }

    func cancel() {
        scenes.cancel()
        cutTiles.cancel()
        encoded.cancel()
    }

    /// One scene failed; the run goes on.
    func fail(path: String, stage: String, reason: String) {
        report.withLock { $0.failures.append(.init(path: path, stage: stage, reason: reason)) }
        meter.sceneDone(failed: true)
    }
}

/// Calls `action` when the last of `count` threads has arrived.
final class CountDown: Sendable {
    private let remaining: Mutex<Int>
    private let action: @Sendable () -> Void

    init(_ count: Int, action: @escaping @Sendable () -> Void) {
        remaining = Mutex(count)
        self.action = action
    }

    func arrive() {
        let isLast = remaining.withLock { remaining in
            remaining -= 1
            return remaining == 0
        }
        if isLast { action() }
    }
}
