import Foundation

/// Runs a program to its end and returns what it said.
enum Program {
    struct Outcome {
        let status: Int32
        let output: String
    }

    /// - Parameter command: program and arguments; the program is looked up in PATH unless it is a path.
    static func run(_ command: [String]) throws -> Outcome {
        // To a file, not a pipe: the server that pg_ctl leaves behind may inherit it, and a pipe would then never end.
        let folder = FileManager.default.temporaryDirectory
        let output = folder.appending(path: "tilescout-\(UUID().uuidString).log")
        guard FileManager.default.createFile(atPath: output.path, contents: nil) else {
            throw StoreError(operation: "write to", thing: folder.path, reason: String(cString: strerror(errno)), code: .cluster)
        }
        defer { try? FileManager.default.removeItem(at: output) }
        let file = try FileHandle(forWritingTo: output)
        defer { try? file.close() }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        // A folder that every user may enter: ours may be closed to the server's user.
        process.currentDirectoryURL = URL(fileURLWithPath: "/")
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("PG") }
            .merging(["LC_ALL": "C.UTF-8", "PATH": searchPath]) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = file
        process.standardError = file
        try process.run()
        process.waitUntilExit()
        let text = (try? String(contentsOf: output, encoding: .utf8)) ?? ""
        return Outcome(status: process.terminationStatus, output: text.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    private static var searchPath: String {
        // setpriv and its like must be found under cron's short PATH too.
        (ProcessInfo.processInfo.environment["PATH"].map { $0 + ":" } ?? "") + "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    }
}
