import TileStore

/// Helps with a run that another process leads: one worker process, until nothing waits in the queue.
public struct RunHelp {
    private let runID: Int
    private let launch: WorkerProcess.Launch
    private let store: TileStore
    private let log: (String) -> Void

    public init(
        runID: Int, worker: (program: String, arguments: [String], environment: [String: String]), store: TileStore,
        log: @escaping (String) -> Void
    ) {
        self.runID = runID
        launch = WorkerProcess.Launch(
            program: worker.program, arguments: worker.arguments + ["--run", "\(runID)"], environment: worker.environment)
        self.store = store
        self.log = log
    }

    /// - Throws: `PipelineError` where the worker cannot work: its model is not installed, the server is gone.
    public func once() throws {
        let worker = try WorkerProcess(launch, name: QueueWorker.freshName())
        switch worker.wait() {
        case .finished: break
        case .died(let reason):
            for scene in try store.blame(worker: worker.name, reason: reason) {
                log("\(scene.path): \(reason)" + (scene.isDead ? "; set aside" : "; tried again alone"))
            }
        case .gaveUp(let status):
            try store.putBack(worker: worker.name)
            throw PipelineError(.worker, "work on run \(runID)", reason: "the worker process ended with status \(status)", workerStatus: status)
        }
    }
}
