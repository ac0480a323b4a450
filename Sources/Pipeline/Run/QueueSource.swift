import Foundation
import Ingest
import Synchronization
import TileStore
import Tiling

/// Scenes from the queue in PostgreSQL, leased a few at a time. A suspect is handed out only while nothing else is under
/// way, and nothing else while a suspect is.
final class QueueSource: SceneSource {
    private struct State {
        var leased: [Job] = []
        var open: [Int: Open] = [:]
        var count = 0
        var isCancelled = false
    }

    struct Open {
        var job: Job
        /// When work on it began, or went on; nil while it waits behind other scenes, which does not count against it. Not by the wall clock,
        /// which can be set, and not while the machine is suspended.
        var since: SuspendingClock.Instant?
    }

    /// Between two looks at a queue in which nothing can be had just now.
    private static let patience: TimeInterval = 0.2
    /// A copy of a scene under way is looked at again after this long.
    private static let copyDelaySeconds = 2

    private let run: Run
    private let worker: String
    private let workers: PipelineDefinition.Workers
    private let state = Mutex(State())
    /// Ways of cutting by their ids.
    private let tilings: [Int: (options: TilingOptions, canonical: String)]

    init(run: Run, worker: String, workers: PipelineDefinition.Workers, tilings: [Int: (options: TilingOptions, canonical: String)]) {
        self.run = run
        self.worker = worker
        self.workers = workers
        self.tilings = tilings
    }

    /// Scenes under way.
    var underWay: [Open] { state.withLock { Array($0.open.values) } }

    func next(_ store: TileStore) throws -> SceneTask? {
        while !state.withLock({ $0.isCancelled }) {
            let (isIdle, hasSuspect) = state.withLock { ($0.open.isEmpty, $0.open.values.contains { $0.job.isSuspect }) }
            if !hasSuspect, let task = takeLeased(isIdle: isIdle) { return task }
            if hasSuspect || state.withLock({ !$0.leased.isEmpty }) {
                Thread.sleep(forTimeInterval: Self.patience / 4)
                continue
            }
            let jobs = try store.claimJobs(
                runID: run.id, worker: worker, most: workers.jobs, leaseSeconds: workers.leaseSeconds, alone: isIdle)
            if !jobs.isEmpty {
                state.withLock { $0.leased = jobs }
                continue
            }
            if isIdle {
                _ = try store.takeOverLost()
                let depth = try store.queueDepth(runID: run.id)
                // What others have leased is theirs; whoever started this worker waits for it.
                if depth.waiting == 0 { return nil }
            }
            Thread.sleep(forTimeInterval: Self.patience)
        }
        return nil
    }

    func cancel() {
        state.withLock { $0.isCancelled = true }
    }

    private func takeLeased(isIdle: Bool) -> SceneTask? {
        state.withLock { state in
            guard let job = state.leased.first, isIdle || !job.isSuspect, let tiling = tilings[job.tilingID] else { return nil }
            state.leased.removeFirst()
            let index = state.count
            state.count += 1
            state.open[index] = Open(job: job)
            return SceneTask(
                index: index, path: job.file.path,
                stamp: SceneStamp(size: job.file.size, modifiedMicroseconds: job.file.modifiedNanoseconds / 1000),
                tiling: tiling.options, run: run.cutting(job.tilingID, tiling.canonical), expectedSHA256: job.sha256)
        }
    }

    func opens(_ task: SceneTask, _ store: TileStore) throws -> Bool {
        guard let open = state.withLock({ $0.open[task.index] }) else { return false }
        let isOurs = try store.startJob(open.job.id, worker: worker)
        if isOurs {
            goesOn(task)
        } else {
            _ = close(task)
        }
        return isOurs
    }

    func goesOn(_ task: SceneTask) {
        state.withLock { $0.open[task.index]?.since = .now }
    }

    func waits(_ task: SceneTask) {
        state.withLock { $0.open[task.index]?.since = nil }
    }

    func ended(_ task: SceneTask, _ outcome: SceneOutcome, _ store: TileStore) throws -> Bool {
        guard let open = close(task) else { return false }
        switch outcome {
        case .ingested:
            return try store.endJob(open.job.id, worker: worker, .ingested)
        case .unchanged, .duplicate:
            return try store.endJob(open.job.id, worker: worker, .known)
        case .underWay:
            try store.putBack(worker: worker, job: open.job.id, laterSeconds: Self.copyDelaySeconds)
            return false
        case .failed(let stage, let reason):
            return try store.endJob(open.job.id, worker: worker, .failed(stage: stage, reason: reason))
        }
    }

    private func close(_ task: SceneTask) -> Open? {
        state.withLock { $0.open.removeValue(forKey: task.index) }
    }
}
