import Foundation

/// The program that an operator wants run after a failure: mail, a webhook by curl, a pager. Its own failure undoes nothing.
public struct FailureCommand {
    /// Seconds that it may take: a pager that does not answer must not keep the pipeline's lock, nor tomorrow's timer waiting.
    public static let timeout: TimeInterval = 60
    /// Seconds between the request to end and kill -9.
    private static let grace: TimeInterval = 2

    private let command: [String]
    private let environment: [String: String]

    /// - Parameters:
    ///   - command: program, found on PATH, and arguments.
    ///   - environment: all that it sees, without secrets.
    public init(_ command: [String], environment: [String: String]) {
        self.command = command
        self.environment = environment
    }

    /// Runs it to its end.
    /// - Returns: what was wrong with it; nil when nothing was, or no command is set.
    public func run(timeout: TimeInterval = Self.timeout) -> String? {
        guard let program = command.first else { return nil }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        do {
            try process.run()
        } catch {
            return "\(program) could not be started"
        }
        guard ended.wait(timeout: .now() + timeout) == .success else {
            process.terminate()
            if ended.wait(timeout: .now() + Self.grace) != .success {
                kill(process.processIdentifier, SIGKILL)
                _ = ended.wait(timeout: .now() + Self.grace)
            }
            return "\(program) was ended: it took longer than \(Int(timeout.rounded(.up))) seconds"
        }
        return process.terminationStatus == 0 ? nil : "\(program) ended with status \(process.terminationStatus)"
    }
}
