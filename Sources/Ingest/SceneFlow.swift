import Foundation
import Synchronization
import TileStore
import Tiling

/// Scan → cut → encode → store, each stage on threads of its own, bounded queues between, for scenes of any source.
public struct SceneFlow {
    let job: IngestJob
    let openStore: @Sendable () throws -> TileStore

    /// - Parameters:
    ///   - largestTile: side in pixels of the largest tile that any task has.
    ///   - openStore: opens a session of its own with the store; called on the threads that use it.
    public init(
        options: IngestOptions, source: any SceneSource, largestTile: Int, display: (any ProgressDisplay)? = nil,
        activity: String = "ingesting", openStore: @escaping @Sendable () throws -> TileStore
    ) {
        job = IngestJob(
            options: options, source: source, largestTile: largestTile,
            meter: ProgressMeter(activity: activity, display: display))
        self.openStore = openStore
    }

    /// Runs until the source has no more.
    /// - Returns: what was done, scenes that failed with their reasons.
    /// - Throws: what stopped a stage: the store went away, or a fault of the encoder.
    public func run() throws -> IngestReport {
        if let folder = job.options.tilesOut { SceneCutter.removeAbandonedTiles(inDirectory: folder) }
        let threads = StageThreads(onFailure: job.cancel)
        let (job, openStore) = (job, openStore)
        threads.start("scan") { try ScanStage(job: job, store: openStore()).run() }
        let cutters = CountDown(job.options.concurrency.cutters) { job.cutTiles.finish() }
        for _ in 0..<job.options.concurrency.cutters {
            threads.start("cut") {
                try CutStage(job: job).run()
                cutters.arrive()
            }
        }
        let encoders = CountDown(job.options.concurrency.encoders) { job.encoded.finish() }
        for _ in 0..<job.options.concurrency.encoders {
            threads.start("encode") {
                try EncodeStage(job: job).run()
                encoders.arrive()
            }
        }
        threads.start("store") { try StoreStage(job: job, store: openStore()).run() }
        defer { job.meter.finish() }
        try threads.join()
        var report = job.report.withLock { $0 }
        report.busySeconds = job.clock.total
        return report
    }
}

/// What the stages of one flow share.
final class IngestJob: Sendable {
    let options: IngestOptions
    let source: any SceneSource
    let meter: ProgressMeter
    let clock = BusyClock()
    let report = Mutex(IngestReport())
    /// What the scenes between scan and store hold, by the task's number.
    let underWay = Mutex<[Int: ContentTiling]>([:])

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

    init(options: IngestOptions, source: any SceneSource, largestTile: Int, meter: ProgressMeter) {
        self.options = options
        self.source = source
        self.meter = meter
        let tileBytes = largestTile * largestTile * 3
        batch = max(1, min(options.concurrency.batch, Self.batchBytes / tileBytes))
        cutTiles = BoundedQueue(capacity: 2 * batch * options.concurrency.encoders)
    }

    func cancel() {
        source.cancel()
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

/// The bytes of a scene, and a way of cutting it.
struct ContentTiling: Hashable, Sendable {
    var sha256: String
    var tiling: Int
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
