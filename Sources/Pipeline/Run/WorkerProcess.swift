import Foundation
import TileStore

/// Starts worker processes, one after the other as they end, and notes in the queue what ended them.
final class WorkerProcess {
    /// How a worker process is started: program, arguments and environment, secrets in the environment only.
    struct Launch: Sendable {
        var program: String
        var arguments: [String]
        var environment: [String: String]
    }

    enum Ending {
        /// It found nothing more to do.
        case finished
        /// It said why it could not go on: the server is gone, the model is not installed.
        case gaveUp(status: Int32)
        /// A scene ended it.
        case died(reason: String)
    }

    let name: String
    private let process = Process()

    init(_ launch: Launch, name: String) throws {
        self.name = name
        process.executableURL = URL(fileURLWithPath: launch.program)
        process.arguments = launch.arguments + ["--worker-name", name]
        process.environment = launch.environment
        process.standardInput = FileHandle.nullDevice
        do {
            try process.run()
        } catch {
            throw PipelineError(.worker, "start \(launch.program)", reason: "\((error as NSError).localizedDescription)")
        }
    }

    var isRunning: Bool { process.isRunning }

    func stop() {
        process.terminate()
    }

    func wait() -> Ending {
        process.waitUntilExit()
        let status = process.terminationStatus
        if process.terminationReason == .uncaughtSignal {
            return .died(reason: "its worker was ended by signal \(status) (\(String(cString: strsignal(status))))")
        }
        switch WorkerEnd(rawValue: status) {
        case .timeLimit: return .died(reason: "it took longer than the limit of seconds")
        case .memoryLimit: return .died(reason: "it took more memory than the limit")
        case .orphaned: return .gaveUp(status: status)
        case nil: return status == 0 ? .finished : .gaveUp(status: status)
        }
    }
}
