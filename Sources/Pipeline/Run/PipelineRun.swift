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
        /// What tells this array from another night's: the same for all of its processes, and for one that is started again.
        public var array: String

        public init(index: Int, count: Int, array: String) {
            self.index = index
            self.count = count
            self.array = array
        }

        /// Whether a path is this shard's share: the same on every machine (FNV-1a; Swift's own hash is seeded per process).
        func has(_ path: String) -> Bool {
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for byte in path.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            return Int(hash % UInt64(count)) == index
        }
    }

    /// How a run reaches the database, and its workers.
    public struct Access {
        var store: TileStore
        var launch: WorkerProcess.Launch

        /// - Parameter worker: program, arguments and environment that start a worker of this run, its number and a name appended.
        public init(store: TileStore, worker: (program: String, arguments: [String], environment: [String: String])) {
            self.store = store
            launch = WorkerProcess.Launch(program: worker.program, arguments: worker.arguments, environment: worker.environment)
        }
    }

    /// Seconds between two lines of the journal about an index that is being built, which may take hours.
    static let indexLogInterval: TimeInterval = 60

    let pipeline: PipelineDefinition
    private let shard: Shard?
    private let log: @Sendable (String) -> Void
    private let warn: (String) -> Void
    private let connect: () throws -> Access
    private var store: TileStore?
    /// What is known of the files, once they are compared.
    private var found: (difference: FileDifference, discovery: SceneDiscovery)?

    /// What is known of the run so far; all of it when ``run()`` has returned or thrown.
    public private(set) var report: NightlyReport
    /// The HTML page, where one was written.
    public private(set) var reportPage: String?
    /// What of the report could not be written, and why.
    public private(set) var reportProblem: String?

    /// - Parameters:
    ///   - log: lines for the journal, without secrets.
    ///   - warn: what an operator should know even of a run that says nothing else.
    ///   - connect: opens a database whose schema is this version's. Called first by ``run()``.
    public init(
        _ pipeline: PipelineDefinition, shard: Shard? = nil, log: @escaping @Sendable (String) -> Void, warn: @escaping (String) -> Void,
        connect: @escaping () throws -> Access
    ) {
        self.pipeline = pipeline
        self.shard = shard
        self.log = log
        self.warn = warn
        self.connect = connect
        report = NightlyReport(
            pipeline: pipeline.name, collection: pipeline.collection, model: pipeline.model, version: TilescoutVersion.current,
            host: ProcessInfo.processInfo.hostName, run: 0, attempts: 1, started: Date())
    }

    /// Runs to the end. The report is written in any case, unless another run is under way.
    /// - Throws: `PipelineError` where another run is under way, a source is gone, or too much is; `StoreError` and
    ///   `PostgreSQLError` where the server is: what was done stays, hidden, and the next run continues.
    public func run() throws -> NightlyReport {
        do {
            try lead()
        } catch let error as PipelineError where error.code == .locked {
            // What is told of the pipeline is the other run's.
            throw error
        } catch {
            let isRefused = (error as? PipelineError)?.code == .refused
            report.outcome = isRefused ? .refused : report.run > 0 ? .interrupted : .failed
            report.reason = isRefused ? (error as? PipelineError)?.reason : "\(error)"
            if let store, report.run > 0 { try? count(store: store) }
            report.scenes.open = max(0, report.scenes.seen - report.scenes.goneThrough)
            writeReport()
            throw error
        }
        report.seconds = Date().timeIntervalSince(report.started)
        if report.outcome != .shardDone { writeReport() }
        return report
    }

    private func lead() throws {
        let access = try connect()
        let store = access.store
        self.store = store
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
        let request = RunRequest(
            collection: pipeline.collection, model: registered.name, options: try CanonicalJSON.text(pipeline.order), tiling: canonical[0],
            version: TilescoutVersion.current)
        guard let run = try join(request, store: store) else { return }
        (report.run, report.attempts) = (run.id, run.attempts)
        if run.isResumed { log("run \(run.id) is continued, attempt \(run.attempts)") }
        if !registered.isServing, let serving = try store.models().first(where: \.isServing) {
            note("searches use model \(serving.name), which has no vectors of this run; tilescout reembed --model \(pipeline.model) makes them use "
                + "this run's, or set model: to \(serving.name)")
        }
        for other in try store.abandonedRuns(pipeline: pipeline.name, besides: run) {
            note("run \(other.id) of this pipeline (\(other.state)) was begun with other settings: nothing continues it, and it keeps later runs "
                + "out of the index; tilescout runs --discard \(other.id)")
        }
        do {
            try work(discovery, run: run, canonical: canonical, launch: access.launch, store: store)
        } catch {
            // Other shards go on with the run; the array starts this one again.
            if let shard, shard.count > 1, (try? store.isAlone(inPipeline: pipeline.name)) != true { throw error }
            if let error = error as? PipelineError, error.code == .refused {
                try store.finish(run, .failed(reason: error.reason), counts: summary())
            } else {
                try? store.finish(run, .interrupted(reason: "\(error)"))
            }
            throw error
        }
        if report.outcome == .published { maintain(run, store: store) }
    }

    /// - Returns: nil where this shard's array has ended already.
    private func join(_ request: RunRequest, store: TileStore) throws -> Run? {
        switch try store.joinRun(pipeline: pipeline.name, request, array: shard?.array) {
        case .joined(let run):
            return run
        case .otherArray(let runID):
            throw PipelineError(.locked, "run pipeline \(pipeline.name)", reason: "another array works on run \(runID) of it")
        case .over(let former):
            // A task that was requeued when all was over, for good or ill: to begin anew would leave a run open that no other task joins.
            report.run = former.id
            report.outcome = .shardDone
            log("run \(former.id) of this array is over, \(former.state): nothing is left to do")
            return nil
        }
    }

    private func work(_ discovery: SceneDiscovery, run: Run, canonical: [String], launch: WorkerProcess.Launch, store: TileStore) throws {
        let tilings = try canonical.map { try store.tilingID($0) }
        let difference = try step("compare") { try compare(discovery, run: run, tilings: tilings, store: store) }
        found = (difference, discovery)
        try guardAgainstLoss(difference)
        try step("enqueue") {
            if run.isResumed { try store.dropJobs(except: difference.toDo.map(\.path), run: run) }
            let mine = difference.toDo.filter { shard?.has($0.path) ?? true }
            for tiling in tilings { try store.enqueue(mine.map { ($0, nil) }, tilingID: tiling, run: run) }
        }
        log("run \(run.id): \(difference.new.count) new, \(difference.changed.count) changed, \(difference.unfinished.count) unfinished, "
            + "\(difference.unchanged) unchanged, \(difference.missing.count) gone")
        try step("ingest") {
            var launch = launch
            launch.arguments += ["--run", "\(run.id)"]
            try Draining(runID: run.id, launch: launch, store: store) { [log] scene, reason in
                log("\(scene.path): \(reason)" + (scene.isDead ? "; set aside" : "; tried again alone"))
            }.run()
        }
        if let shard, try !store.shardDone(shard.index, of: shard.count, array: shard.array, run: run) {
            report.outcome = .shardDone
            return
        }
        try store.discardFailed(run: run)
        try count(store: store)
        if !report.reconciles {
            note("the counts of run \(run.id) do not come out: \(report.scenes.seen) scenes seen, \(report.scenes.goneThrough) gone through; "
                + "\(report.tiles.seen) tiles in their layouts, \(report.tiles.accounted) stored, already there or left out")
        }
        try publish(difference, run: run, store: store)
        if report.outcome != .refused { for path in discovery.formerStacks { unlink(path) } }
    }

    // MARK: Steps

    private func discover() throws -> SceneDiscovery {
        let found = try discoverScenes(pipeline.sources).confined(to: Confinement(roots: pipeline.roots))
        return try pipeline.stacks?.stacked(found, sources: PipelineDefinition.roots(of: pipeline.sources)) ?? found
    }

    private func compare(_ discovery: SceneDiscovery, run: Run, tilings: [Int], store: TileStore) throws -> FileDifference {
        let known = try store.knownFiles(run: run, tilings: tilings)
        // The innermost: a source may lie in another.
        let roots = pipeline.roots.map { (path: $0, prefix: $0 == "/" ? $0 : $0 + "/") }.sorted { $0.path.utf8.count > $1.path.utf8.count }
        let unreadable = discovery.problems.map(\.path), found = Set(discovery.candidates.map(\.realPath))
        return FileDifference(
            found: discovery.candidates, known: known,
            sources: { path in
                // All stacks lie in one folder: of an empty mount tell the files that they show.
                [path, discovery.firstParts[path]].compactMap { path in
                    path.flatMap { path in roots.first { path == $0.path || path.hasPrefix($0.prefix) }?.path }
                }
            },
            isGone: { path in
                if discovery.formerStacks.contains(path) { return true }
                // A folder that cannot be read hides its files; it does not remove them.
                if unreadable.contains(where: { path == $0 || path.hasPrefix($0 + "/") }) { return false }
                var status = stat()
                guard lstat(path, &status) == 0 else { return errno == ENOENT || errno == ENOTDIR }
                // A folder by now, or another name of a scene that is there.
                return status.st_mode & S_IFMT == S_IFDIR
                    || (status.st_mode & S_IFMT == S_IFLNK && found.contains(URL(fileURLWithPath: path).resolvingSymlinksInPath().path))
            })
    }

    private func guardAgainstLoss(_ difference: FileDifference) throws {
        guard let (source, loss) = difference.worstLoss(above: pipeline.maxRemoved) else { return }
        throw PipelineError(
            .refused, "run pipeline \(pipeline.name)",
            reason: "\(loss.missing) of \(loss.known) known files are gone from \(source), more than the share of \(pipeline.maxRemoved) that is "
                + "allowed (removed.max_share); is a disk not mounted? The first: \(loss.example ?? "")")
    }

    private func count(store: TileStore) throws {
        guard let (difference, discovery) = found else { return }
        let outcomes = try store.outcomes(runID: report.run)
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
        let tiles = try store.tileCounts(runID: report.run)
        report.tiles.stored = tiles.stored
        report.tiles.alreadyThere = tiles.alreadyThere
        report.tiles.skipped = try JSONDecoder().decode([String: Int].self, from: Data(tiles.skipped.utf8))
        report.tiles.seen = tiles.seen
        report.failures = discovery.problems.map { .init(path: $0.path, stage: "discover", reason: $0.reason) }
        report.failures += try store.jobFailures(runID: report.run).map { .init(path: $0.path, stage: $0.stage, reason: $0.reason) }
        report.workers = try store.workerReports(runID: report.run).map { entry in
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
        // In the report once it is committed, not before.
        let outcome = try store.connection.transaction(operation: "publish run \(run.id)") { () -> NightlyReport.Outcome in
            for failure in report.failures {
                try store.recordFailure(run, path: failure.path, stage: failure.stage, reason: failure.reason)
            }
            report.scenes.retired = try store.noteMissing(difference.missing, retire: pipeline.removed == .retire, run: run)
            if failed > pipeline.fewFailed, share > pipeline.maxFailed {
                report.reason = "\(failed) of \(tried) scenes failed, more than the share of "
                    + "\(pipeline.maxFailed) that is allowed (publish.max_failed)"
                try store.finish(run, .failed(reason: report.reason!), counts: summary())
                return .refused
            } else if pipeline.publish == .manual {
                try store.finish(run, .ready, counts: summary())
                return .ready
            } else {
                try store.finish(run, .published, counts: summary())
                return .published
            }
        }
        report.outcome = outcome
    }

    /// What follows publishing: the run is visible whatever becomes of this, and the next one does it again.
    private func maintain(_ run: Run, store: TileStore) {
        attempt("the index could not be brought up to date, searches compare newer vectors one by one") {
            try step("index") {
                let index = try store.buildIndexes(model: run.request.model, every: Self.indexLogInterval) { [log] in log($0.text) }
                report.notes += index.notes
                if index.action.hasPrefix("left") { report.notes.append("the index was \(index.action)") }
            }
        }
        attempt("retention deleted nothing") {
            let pruned = try step("prune") { try store.prune(collection: pipeline.collection, keepRuns: pipeline.keepRuns) }
            if pruned.scenes > 0 { report.notes.append("retention deleted \(pruned.scenes) replaced scenes with \(pruned.tiles) tiles") }
        }
    }

    private func attempt(_ consequence: String, _ body: () throws -> Void) {
        do {
            try body()
        } catch {
            note("run \(report.run) is published, but \(consequence): \(error)")
        }
    }

    /// What an operator should know, in the report and at once.
    private func note(_ text: String) {
        report.notes.append(text)
        warn(text)
    }

    private func writeReport() {
        report.seconds = Date().timeIntervalSince(report.started)
        let outcome = ReportWriter(
            report: report, places: pipeline.report, store: store, confinement: Confinement(roots: pipeline.roots)).write()
        for path in outcome.files { log("report: \(path)") }
        reportPage = outcome.page
        if !outcome.problems.isEmpty { reportProblem = outcome.problems.joined(separator: "; ") }
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
