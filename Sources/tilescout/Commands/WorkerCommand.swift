import ArgumentParser
import Foundation
import Pipeline
import TileStore

struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Works on the queues of all runs under way; start it on as many machines as there are.",
        discussion: "Every machine needs the same paths to the scenes, and the runs' models. It waits for work until it is stopped.")

    @Flag(help: "End when no run has work.")
    var untilEmpty = false

    @OptionGroup(title: "Database") var database: DatabaseArguments

    /// Seconds between two looks for work.
    private static let patience: TimeInterval = 0.5

    func run() throws {
        let location = try database.location()
        let launch = try WorkerLaunch.make(database)
        var store = try database.store()
        while true {
            do {
                _ = try store.takeOverLost()
                if let run = try store.runWithWork() {
                    try RunHelp(runID: run, worker: launch, store: store) { Terminal.writeError($0 + "\n") }.once()
                } else if untilEmpty {
                    return
                } else {
                    Thread.sleep(forTimeInterval: Self.patience)
                }
            } catch let error where !untilEmpty {
                // The server may be restarting: a worker is there for weeks.
                Terminal.warn("\(error)")
                Thread.sleep(forTimeInterval: Self.patience)
                if let again = try? TileStore(location) { store = again }
            }
        }
    }
}
