import Embedding
import Foundation
import Ingest
import TileStore
import Tiling

/// Goes through one run's queue until nothing waits in it. Runs in a process of its own, which a scene may end.
public struct QueueWorker {
    private let runID: Int
    private let name: String
    private let parent: pid_t
    private let openStore: @Sendable () throws -> TileStore
    private let display: (any ProgressDisplay)?

    /// - Parameter parent: the process to end with.
    public init(
        runID: Int, name: String, parent: pid_t, display: (any ProgressDisplay)? = nil, openStore: @escaping @Sendable () throws -> TileStore
    ) {
        self.runID = runID
        self.name = name
        self.parent = parent
        self.display = display
        self.openStore = openStore
    }

    /// A name that no other worker has: machine, process, chance.
    public static func freshName() -> String {
        "\(ProcessInfo.processInfo.hostName):\(ProcessInfo.processInfo.processIdentifier):\(String(UInt32.random(in: 0...UInt32.max), radix: 16))"
    }

    /// - Returns: nil where the run is over already.
    @discardableResult
    public func run() throws -> IngestReport? {
        let started = Date()
        let store = try openStore()
        guard let run = try store.runningRun(runID) else { return nil }
        let order = try JSONDecoder().decode(RunOrder.self, from: Data(run.request.options.utf8))
        let model = try EncoderModel.load(named: order.model)
        // Refuses weights other than the run's.
        let registered = try store.register(model.registration)
        guard registered.name == run.request.model else {
            throw PipelineError(.worker, "work on run \(runID)", reason: "it is of model \(run.request.model), not \(registered.name)")
        }
        var tilings: [Int: (options: TilingOptions, canonical: String)] = [:]
        for tiling in order.tilings {
            let canonical = try CanonicalJSON.text(tiling)
            tilings[try store.tilingID(canonical)] = (tiling, canonical)
        }
        let options = IngestOptions(
            roots: order.roots, collection: run.request.collection, tiling: order.tilings.first ?? TilingOptions(),
            limits: TilingLimits(
                maximumPixels: order.limits.pixels, confinement: Confinement(roots: order.roots)),
            model: model, precision: EncoderPrecision(rawValue: order.precision) ?? .automatic,
            concurrency: .init(
                cutters: order.workers.cutters, encoders: order.workers.encoders ?? IngestOptions.Concurrency().encoders, batch: order.workers.batch))
        let source = QueueSource(run: run, worker: name, workers: order.workers, tilings: tilings)
        let watch = WorkerWatch(source: source, worker: name, order: order, parent: parent)
        watch.start(openStore: openStore)
        defer { watch.stop() }
        let flow = SceneFlow(
            options: options, source: source, largestTile: order.tilings.map(\.tileSize).max() ?? 256, display: display,
            openStore: openStore)
        var report = try flow.run()
        report.runID = runID
        report.seconds = Date().timeIntervalSince(started)
        // Failures are in the queue, each with its reason.
        report.failures = []
        try store.reportWorker(name, runID: runID, started: started, counts: CanonicalJSON.text(report))
        return report
    }
}
