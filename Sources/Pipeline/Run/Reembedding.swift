import Embedding
import Foundation
import Ingest
import TileGrid
import TileStore
import Tiling

/// A model cut-over: fills another model's table from the scenes while the present one serves, then switches. The same with
/// the former model's name switches back.
public struct Reembedding {
    public struct Outcome: Sendable {
        public var scenes = 0
        public var failures: [NightlyReport.Failure] = []
        /// Visible tiles, and those that still lack a vector.
        public var tiles = 0
        public var missing = 0
        /// Served until now, where it was switched.
        public var formerModel: String?
        public var isServing = false
    }

    private let model: String
    private let launch: WorkerProcess.Launch
    private let log: @Sendable (String) -> Void
    private let openStore: @Sendable () throws -> TileStore

    public init(
        model: String, worker: (program: String, arguments: [String], environment: [String: String]),
        log: @escaping @Sendable (String) -> Void, openStore: @escaping @Sendable () throws -> TileStore
    ) {
        self.model = model
        launch = WorkerProcess.Launch(program: worker.program, arguments: worker.arguments, environment: worker.environment)
        self.log = log
        self.openStore = openStore
    }

    /// - Parameters:
    ///   - collections: those to fill; nil for all.
    ///   - switches: whether the model serves afterwards, provided that no visible tile lacks its vector.
    ///   - partly: also where some do: searches do not find them.
    public func run(collections: [String]?, workers: PipelineDefinition.Workers, switches: Bool, partly: Bool = false) throws -> Outcome {
        let store = try openStore()
        guard try store.lockPipeline("reembed", shared: false) else {
            throw PipelineError(.locked, "embed again with \(model)", reason: "another model cut-over is under way")
        }
        let encoder = try EncoderModel.load(named: model)
        let registered = try store.register(encoder.registration)
        var outcome = Outcome()
        let all = try store.runs(limit: 100_000).map(\.collection)
        for collection in collections ?? Set(all).sorted() {
            try fill(collection, model: registered.name, workers: workers, store: store, outcome: &outcome)
        }
        for note in try store.buildIndexes(model: registered.name, every: PipelineRun.indexLogInterval, progress: { [log] in log($0.text) }).notes { log(note) }
        (outcome.tiles, outcome.missing) = try store.coverage(model: registered.name)
        if switches, outcome.missing == 0 || partly {
            outcome.formerModel = try store.serve(model: registered.name, partly: partly)
            outcome.isServing = true
        }
        return outcome
    }

    private func fill(
        _ collection: String, model registered: String, workers: PipelineDefinition.Workers, store: TileStore, outcome: inout Outcome
    ) throws {
        let roots = try RunConfinement.roots(collection: collection, store: store)
        for group in RunConfinement.groups(try store.reembedFiles(collection: collection), path: \.file.path, roots: roots) {
            try fill(collection, group.files, roots: group.roots, model: registered, workers: workers, store: store, outcome: &outcome)
        }
    }

    /// Every file is checked to hold the bytes that were ingested, and confined as it was then.
    private func fill(
        _ collection: String, _ files: [(tiling: String, file: SceneFile, sha256: String)], roots: [String], model registered: String,
        workers: PipelineDefinition.Workers, store: TileStore, outcome: inout Outcome
    ) throws {
        let byTiling = Dictionary(grouping: files, by: \.tiling)
        let canonical = byTiling.keys.sorted()
        var limits = PipelineDefinition.Limits()
        limits.seconds = 86_400
        let order = RunOrder(
            pipeline: "reembed", roots: roots, limits: limits, workers: workers, model: model, precision: EncoderPrecision.automatic.rawValue,
            tilings: try canonical.map { try JSONDecoder().decode(TilingOptions.self, from: Data($0.utf8)) })
        let run = try store.joinRun(pipeline: "reembed", RunRequest(
            kind: .reembed, collection: collection, model: registered, options: CanonicalJSON.text(order), tiling: canonical[0],
            version: TilescoutVersion.current))
        for tiling in canonical {
            try store.enqueue((byTiling[tiling] ?? []).map { ($0.file, $0.sha256) }, tilingID: store.tilingID(tiling), run: run)
        }
        log("collection \(collection), run \(run.id): \(files.count) scenes to embed with \(registered)")
        do {
            var launch = launch
            launch.arguments += ["--run", "\(run.id)"]
            try Draining(runID: run.id, launch: launch, store: store) { [log] scene, reason in log("\(scene.path): \(reason)") }.run()
            try store.discardFailed(run: run)
            let failures = try store.jobFailures(runID: run.id)
            try store.connection.transaction(operation: "publish run \(run.id)") {
                for failure in failures { try store.recordFailure(run, path: failure.path, stage: failure.stage, reason: failure.reason) }
                try store.finish(run, .published)
            }
            outcome.scenes += files.count
            outcome.failures += failures.map { .init(path: $0.path, stage: $0.stage, reason: $0.reason) }
        } catch {
            try? store.finish(run, .interrupted(reason: "\(error)"))
            throw error
        }
    }
}
