import Embedding
import Foundation
import Ingest
import TileStore
import Tiling

/// One night: finds what is new, changed, moved and gone, has it ingested, publishes it whole, and says what happened.
public final class PipelineRun {
    /// One process of an array job.
    public struct Shard: Sendable, Equatable {
        public var index, count: Int

        public init(index: Int, count: Int) {
            self.index = index
            self.count = count
        }

        /// Whether a path is this shard's share: the same on every machine (FNV-1a; Swift's own hash is seeded per process).
        func has(_ path: String) -> Bool {
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for byte in path.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            return Int(hash % UInt64(count)) == index
        }
    }

    /// Seconds between two lines of the journal about an index that is being built, which may take hours.
    static let indexLogInterval: TimeInterval = 60

    let pipeline: PipelineDefinition
    private let shard: Shard?
    private let launch: WorkerProcess.Launch
    private let openStore: @Sendable () throws -> TileStore
    private let log: @Sendable (String) -> Void
    private var report: NightlyReport

    /// - Parameters:
    ///   - worker: program, arguments and environment that start a worker of this run, its number and a name appended.
    ///   - log: lines for the journal, without secrets.
    public init(
        _ pipeline: PipelineDefinition, shard: Shard? = nil,
        worker: (program: String, arguments: [String], environment: [String: String]),
        log: @escaping @Sendable (String) -> Void, openStore: @escaping @Sendable () throws -> TileStore
    ) {
        self.pipeline = pipeline
        self.shard = shard
        launch = WorkerProcess.Launch(program: worker.program, arguments: worker.arguments, environment: worker.environment)
        self.log = log
        self.openStore = openStore
        report = NightlyReport(
            pipeline: pipeline.name, collection: pipeline.collection, model: pipeline.model, version: TilescoutVersion.current,
            host: ProcessInfo.processInfo.hostName, run: 0, attempts: 1, started: Date())
    }

    /// Runs to the end.
    /// - Throws: `PipelineError` where another run is under way, a source is gone, or too much is; `StoreError` and
    ///   `PostgreSQLError` where the server is: what was done stays, hidden, and the next run continues.
    public func run() throws -> NightlyReport {
        let store = try openStore()
        guard try store.lockPipeline(pipeline.name, shared: shard != nil) else {
            let other = try store.runOfPipeline(pipeline.name).map { "run \($0.id), process \($0.pid) on \($0.host)" } ?? "it began a moment ago"
            throw PipelineError(.locked, "run pipeline \(pipeline.name)", reason: "another run of it is under way (\(other))")
        }
        // Before anything is written: a source that is not there is no archive that has been emptied.
        let discovery = try step("discover") { try discover() }
        let model = try EncoderModel.load(named: pipeline.model)
        let registered = try store.register(model.registration)
        report.model = registered.name
        let canonical = try pipeline.tilings.map { try CanonicalJSON.text($0) }
        let run = try store.joinRun(pipeline: pipeline.name, RunRequest(
            collection: pipeline.collection, model: registered.name, options: CanonicalJSON.text(pipeline.order), tiling: canonical[0],
            version: TilescoutVersion.current))
        (report.run, report.attempts) = (run.id, run.attempts)
        if run.isResumed { log("run \(run.id) is continued, attempt \(run.attempts)") }
        do {
            return try work(discovery, run: run, canonical: canonical, store: store)
        } catch let error as PipelineError where error.code == .refused {
            try store.finish(run, .failed(reason: error.reason), counts: summary())
            throw error
        } catch {
            try? store.finish(run, .interrupted(reason: "\(error)"))
            throw error
        }
    }

    private func work(_ discovery: SceneDiscovery, run: Run, canonical: [String], store: TileStore) throws -> NightlyReport {
        let tilings = try canonical.map { try store.tilingID($0) }
        let difference = try step("compare") { try compare(discovery, run: run, tilings: tilings, store: store) }
        try guardAgainstLoss(difference)
        try step("enqueue") {
            if run.isResumed { try store.dropJobs(except: difference.toDo.map(\.path), run: run) }
            let mine = difference.toDo.filter { shard?.has($0.path) ?? true }
            for tiling in tilings { try store.enqueue(mine.map { ($0, nil) }, tilingID: tiling, run: run) }
        }
        log("run \(run.id): \(difference.new.count) new, \(difference.changed.count) changed, \(difference.unfinished.count) unfinished, "
            + "\(difference.unchanged) unchanged, \(difference.missing.count) gone")
        try step("ingest") {
            try Draining(runID: run.id, launch: launch(for: run.id), store: store) { [log] scene, reason in
                log("\(scene.path): \(reason)" + (scene.isDead ? "; set aside" : "; tried again alone"))
            }.run()
        }
        if let shard, try !store.shardDone(shard.index, of: shard.count, run: run) {
            report.outcome = .shardDone
            return try finished(run: run, store: store, writes: false)
        }
        try store.discardFailed(run: run)
        try count(difference, discovery, run: run, store: store)
        try publish(difference, run: run, store: store)
        return try finished(run: run, store: store, writes: true)
    }

    // MARK: Steps

    private func discover() throws -> SceneDiscovery {
        let found = try discoverScenes(pipeline.sources).confined(to: Confinement(roots: pipeline.roots))
        return try pipeline.stacks?.stacked(found) ?? found
    }

    private func compare(_ discovery: SceneDiscovery, run: Run, tilings: [Int], store: TileStore) throws -> FileDifference {
        let known = try store.knownFiles(run: run, tilings: tilings)
        let roots = pipeline.roots
        let unreadable = discovery.problems.map(\.path)
        return FileDifference(
            found: discovery.candidates, known: known,
            isHere: { path in roots.contains { path == $0 || path.hasPrefix($0 == "/" ? $0 : $0 + "/") } },
            isGone: { path in
                // A folder that cannot be read hides its files; it does not remove them.
                if unreadable.contains(where: { path == $0 || path.hasPrefix($0 + "/") }) { return false }
                var status = stat()
                return lstat(path, &status) != 0 && (errno == ENOENT || errno == ENOTDIR)
            })
    }

    private func guardAgainstLoss(_ difference: FileDifference) throws {
        guard difference.missingShare > pipeline.maxRemoved else { return }
        report.outcome = .refused
        throw PipelineError(
            .refused, "run pipeline \(pipeline.name)",
            reason: "\(difference.missing.count) of \(difference.knownHere) known files are gone, more than the share of \(pipeline.maxRemoved) that is "
                + "allowed (removed.max_share); is a disk not mounted? The first: \(difference.missing.min() ?? "")")
    }

    private func launch(for run: Int) -> WorkerProcess.Launch {
        var launch = launch
        launch.arguments += ["--run", "\(run)"]
        return launch
    }

    private func count(_ difference: FileDifference, _ discovery: SceneDiscovery, run: Run, store: TileStore) throws {
        let outcomes = try store.outcomes(runID: run.id)
        report.scenes.seen = discovery.candidates.count + discovery.problems.count
        report.scenes.unchanged = difference.unchanged
        report.scenes.new = difference.new.count
        report.scenes.changed = difference.changed.count
        report.scenes.removed = difference.missing.count
        report.scenes.ingested = outcomes.ingested
        report.scenes.known = outcomes.known
        report.scenes.failed = outcomes.failed + discovery.problems.count
        report.scenes.setAside = outcomes.dead
        // What an earlier attempt at this run went through is unchanged by now, and in its queue as well.
        let twice = max(0, outcomes.ingested + outcomes.known + outcomes.failed + outcomes.dead + difference.unchanged - discovery.candidates.count)
        report.scenes.unchanged -= min(twice, difference.unchanged)
        let tiles = try store.tileCounts(runID: run.id)
        report.tiles.stored = tiles.stored
        report.tiles.alreadyThere = tiles.alreadyThere
        report.tiles.skipped = try JSONDecoder().decode([String: Int].self, from: Data(tiles.skipped.utf8))
        report.tiles.seen = tiles.stored + tiles.alreadyThere + report.tiles.skipped.values.reduce(0, +)
        report.failures = discovery.problems.map { .init(path: $0.path, stage: "discover", reason: $0.reason) }
        report.failures += try store.jobFailures(runID: run.id).map { .init(path: $0.path, stage: $0.stage, reason: $0.reason) }
        report.workers = try store.workerReports(runID: run.id).map { entry in
            let counts = try JSONDecoder().decode(IngestReport.self, from: Data(entry.counts.utf8))
            return .init(
                name: entry.worker, started: entry.started, ended: entry.ended, scenes: counts.scenesIngested,
                tilesEncoded: counts.tilesEncoded, busySeconds: counts.busySeconds)
        }
    }

    private func publish(_ difference: FileDifference, run: Run, store: TileStore) throws {
        // A file that was bad last night already says nothing of this one.
        let knownFailures = try store.knownFailures(collection: pipeline.collection)
        let failed = Set(report.failures.map(\.path)).subtracting(knownFailures).count
        let tried = report.scenes.ingested + report.scenes.known + failed
        let share = tried == 0 ? 0 : Double(failed) / Double(tried)
        try store.connection.transaction(operation: "publish run \(run.id)") {
            for failure in report.failures {
                try store.recordFailure(run, path: failure.path, stage: failure.stage, reason: failure.reason)
            }
            report.scenes.retired = try store.noteMissing(difference.missing, retire: pipeline.removed == .retire, run: run)
            if share > pipeline.maxFailed {
                report.outcome = .refused
                report.reason = "\(failed) of \(tried) scenes failed, more than the share of "
                    + "\(pipeline.maxFailed) that is allowed (publish.max_failed)"
                try store.finish(run, .failed(reason: report.reason!), counts: summary())
            } else if pipeline.publish == .manual {
                report.outcome = .ready
                try store.finish(run, .ready, counts: summary())
            } else {
                report.outcome = .published
                try store.finish(run, .published, counts: summary())
            }
        }
        guard report.outcome == .published else { return }
        try step("index") {
            let index = try store.buildIndexes(model: run.request.model, every: Self.indexLogInterval) { [log] in log($0.text) }
            report.notes += index.notes
            if index.action.hasPrefix("left") { report.notes.append("the index was \(index.action)") }
        }
        let pruned = try step("prune") { try store.prune(collection: pipeline.collection, keepRuns: pipeline.keepRuns) }
        if pruned.scenes > 0 { report.notes.append("retention deleted \(pruned.scenes) replaced scenes with \(pruned.tiles) tiles") }
    }

    private func finished(run: Run, store: TileStore, writes: Bool) throws -> NightlyReport {
        report.seconds = Date().timeIntervalSince(report.started)
        guard writes else { return report }
        do {
            for path in try ReportWriter(report: report, places: pipeline.report, store: store, confinement: Confinement(roots: pipeline.roots)).write() {
                log("report: \(path)")
            }
        } catch {
            // The run stands, published or not; a full report folder undoes nothing.
            report.notes.append("the report could not be written: \(error)")
            log("the report could not be written: \(error)")
        }
        return report
    }

    private func summary() throws -> String {
        try CanonicalJSON.text(["scenes": CanonicalJSON.text(report.scenes), "tiles": CanonicalJSON.text(report.tiles)])
    }

    private func step<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result {
        let started = Date()
        defer { report.steps.append(.init(name: name, started: started, seconds: Date().timeIntervalSince(started))) }
        return try body()
    }
}
