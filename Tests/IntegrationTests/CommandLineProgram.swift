import Foundation

/// The built `tilescout`, run as a person runs it.
struct CommandLineProgram {
    struct Outcome {
        var status: Int32
        var output: String
        var error: String
    }

    var environment: [String: String]
    /// What is run: a script that calls `tilescout` finds it on PATH.
    var executable = Self.path
    /// Where it is called from; nil: where the tests are.
    var workingDirectory: String?

    /// The executable lies beside the test bundle.
    static let path = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        .appendingPathComponent("tilescout").path

    init(environment: [String: String]) {
        var inherited = ProcessInfo.processInfo.environment
        for name in inherited.keys where name.hasPrefix("PG") { inherited[name] = nil }
        self.environment = inherited.merging(environment) { _, new in new }
    }

    /// - Parameter fileLimit: no file may grow past this many bytes: what a full disk looks like from inside.
    func start(_ arguments: [String], fileLimit: Int? = nil) throws -> Running {
        let process = Process()
        if let fileLimit {
            // The signal that comes with the limit is ignored, so that write(2) fails as it does on a full disk.
            let blocks = max(1, fileLimit / 512)
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", "trap '' XFSZ; ulimit -f \(blocks); exec \"$0\" \"$@\"", executable] + arguments
        } else {
            process.executableURL = URL(fileURLWithPath: executable)
            process.arguments = arguments
        }
        process.environment = environment
        if let workingDirectory { process.currentDirectoryURL = URL(fileURLWithPath: workingDirectory) }
        return try Running(process)
    }

    func run(_ arguments: [String], fileLimit: Int? = nil) throws -> Outcome {
        try start(arguments, fileLimit: fileLimit).finish()
    }

    /// A process under way; its output goes to files, so that a full pipe never holds it.
    final class Running {
        private let process: Process
        private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("run-\(UUID().uuidString)")

        fileprivate init(_ process: Process) throws {
            self.process = process
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            for name in ["out", "err"] {
                _ = FileManager.default.createFile(atPath: folder.appendingPathComponent(name).path, contents: nil)
            }
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = try FileHandle(forWritingTo: folder.appendingPathComponent("out"))
            process.standardError = try FileHandle(forWritingTo: folder.appendingPathComponent("err"))
            // Nobody's terminal blocks signals, as a thread that runs tests does: a mask is inherited, and without SIGCHLD a shell waits for ever.
            var (none, former) = (sigset_t(), sigset_t())
            sigemptyset(&none)
            pthread_sigmask(SIG_SETMASK, &none, &former)
            defer { pthread_sigmask(SIG_SETMASK, &former, nil) }
            try process.run()
        }

        deinit {
            try? FileManager.default.removeItem(at: folder)
        }

        var isRunning: Bool { process.isRunning }
        var processIdentifier: pid_t { process.processIdentifier }

        func signal(_ number: Int32) {
            kill(process.processIdentifier, number)
        }

        func finish() throws -> Outcome {
            process.waitUntilExit()
            func text(_ name: String) throws -> String {
                String(decoding: try Data(contentsOf: folder.appendingPathComponent(name)), as: UTF8.self)
            }
            return Outcome(status: process.terminationStatus, output: try text("out"), error: try text("err"))
        }
    }
}
