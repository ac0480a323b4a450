import ArgumentParser
import Foundation
import Pipeline
import TileStore

struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Works on the queues of all runs under way; start it on as many machines as there are.",
        discussion: """
            Every machine needs the same paths to the scenes, and the runs' models; a run that it cannot work on is left to others, and \
            looked at again later. It waits for work until it is stopped.
            """)

    @Flag(help: "End when no run has work.")
    var untilEmpty = false

    @OptionGroup(title: "Database") var database: DatabaseArguments

    /// Seconds between two looks for work.
    private static let patience: TimeInterval = 0.5

    /// A run that its worker gave up on is passed over for so long: the model may be installed meanwhile.
    private static let passingOver = Duration.seconds(60)

    func run() throws {
        let location = try database.location()
        let launch = try WorkerLaunch.make(database)
        var store = try database.store()
        var passedOver: [Int: ContinuousClock.Instant] = [:]
        var gaveUp: PipelineError?
        while true {
            do {
                _ = try store.takeOverLost()
                passedOver = passedOver.filter { $0.value > .now }
                if let run = try store.runWithWork(except: Array(passedOver.keys)) {
                    do {
                        try RunHelp(runID: run, worker: launch, store: store) { Terminal.writeError($0 + "\n") }.once()
                    } catch let error as PipelineError where error.workerStatus != ExitStatus.unavailable.rawValue {
                        // Newer runs may be of models that are here.
                        passedOver[run] = .now + Self.passingOver
                        gaveUp = gaveUp ?? error
                        Terminal.warn("\(error)")
                    }
                } else if untilEmpty {
                    if let gaveUp { throw gaveUp }
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
