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
/// same options, which takes back what was stored of scenes that it does not go through.
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
            var report = try ingest(discovery, run: run, store: store, started: started)
            if !model.isServing, let serving = try store.models().first(where: \.isServing) {
                report.warnings.append(
                    "searches use model \(serving.name), which has no vectors of this ingest; "
                        + "tilescout reembed --model \(options.model.path) makes them use this one")
            }
            return report
        } catch {
            // What was merged stays, hidden; the next run with these options continues. The server may be what is gone.
            try? store.finish(run, .interrupted(reason: "\(error)"))
            throw error
        }
    }

    private func ingest(
        _ discovery: SceneDiscovery, run: Run, store: TileStore, started: Date
    ) throws -> IngestReport {
        let flow = SceneFlow(
            options: options, source: DiscoveredScenes(discovery.candidates, tiling: options.tiling, run: run),
            largestTile: options.tiling.tileSize, display: display, openStore: openStore)
        flow.job.meter.found(scenes: discovery.candidates.count + discovery.problems.count)
        for problem in discovery.problems { flow.job.fail(path: problem.path, stage: "discover", reason: problem.reason) }
        var report = try flow.run()
        report.scenesFound = discovery.candidates.count + discovery.problems.count
        report.runID = run.id
        report.resumed = run.isResumed
        report.failures.sort { $0.path < $1.path }
        report.seconds = Date().timeIntervalSince(started)
        for failure in report.failures {
            try store.recordFailure(run, path: failure.path, stage: failure.stage, reason: failure.reason)
        }
        // What an attempt that was cut short had begun, and this one did not go through.
        try store.discardFailed(run: run)
        try store.finish(run, .published, counts: CanonicalJSON.text(report))
        report.warnings += try store.buildIndexes(model: run.request.model, every: max(1, display?.interval ?? 1)) { [display] progress in
            display?.show(progress.text)
        }.notes
        display?.show("")
        report.seconds = Date().timeIntervalSince(started)
        return report
    }
}
