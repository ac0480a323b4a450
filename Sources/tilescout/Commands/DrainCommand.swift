import ArgumentParser
import Foundation
import Pipeline
import TileStore

/// A worker process: started by `run`, `worker` and `reembed`, which outlive it whatever a scene does to it.
struct DrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Goes through the queue of one run; started by other commands.", shouldDisplay: false)

    @Option(help: "The process that starts it: it ends with that one, also with one that is gone before it has begun.")
    var parent: Int32

    @Option(name: .customLong("run"), help: "Number of the run.")
    var number: Int

    @Option(help: "Name that leases are held under.")
    var workerName: String

    func run() throws {
        let location = try DatabaseLocation.standard()
        let store = try TileStore(location)
        // A leader of another version may have started it, or the schema have been brought up to date meanwhile.
        try store.ensureCompatible()
        try RunConfinement.restrictProcess(runID: number, store: store)
        try QueueWorker(runID: number, name: workerName, parent: parent) { try TileStore(location) }.run()
    }
}
