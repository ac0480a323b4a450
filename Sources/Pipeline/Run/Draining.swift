import Foundation
import TileStore

/// Sees to it that a run's queue becomes empty: by a worker process of its own, and by waiting for what other machines have
/// leased. A worker that dies is replaced, and what it had open is blamed.
struct Draining {
    let runID: Int
    let launch: WorkerProcess.Launch
    let store: TileStore
    /// Called for each scene that a worker died over.
    let report: (BlamedScene, String) -> Void

    /// Between two looks at what others have leased.
    private static let patience: TimeInterval = 0.5
    /// So many workers, one after the other, give up or die over nothing before the run does.
    private static let mostInVain = 3

    /// - Throws: `PipelineError` where workers end by themselves again and again, or the run is stopped by others; the store's error where the server is gone.
    func run() throws {
        var inVain: [(reason: String, status: Int32?)] = []
        while true {
            try tell(store.takeOverLost(), "its worker went silent")
            let depth = try store.queueDepth(runID: runID)
            if depth.isDrained { return }
            // Its workers would find nothing to work on, and end well, without end.
            guard try store.runningRun(runID) != nil else {
                throw PipelineError(.worker, "work on run \(runID)", reason: "it is not under way any more: somebody has stopped or discarded it")
            }
            guard depth.waiting > 0 else {
                Thread.sleep(forTimeInterval: Self.patience)
                continue
            }
            let worker = try WorkerProcess(launch, name: QueueWorker.freshName())
            switch worker.wait() {
            case .finished:
                inVain = []
            case .died(let reason):
                let blamed = try store.blame(worker: worker.name, reason: reason)
                try tell(blamed, reason)
                // Over a scene: that is set aside, and then it is another's turn.
                inVain = blamed.isEmpty ? inVain + [(reason, nil)] : []
            case .gaveUp(let status):
                try store.putBack(worker: worker.name)
                inVain.append(("status \(status)", status))
            }
            guard inVain.count < Self.mostInVain else {
                // The first one's is the cause; a server that has no disk refuses those after it for other reasons.
                throw PipelineError(
                    .worker, "work on run \(runID)", reason: "its workers ended one after the other: \(inVain.map(\.reason).joined(separator: ", "))",
                    workerStatus: inVain[0].status)
            }
        }
    }

    private func tell(_ scenes: [BlamedScene], _ reason: String) throws {
        for scene in scenes { report(scene, reason) }
    }
}
