import Foundation
import PostgreSQL
import TileStore

/// How this program starts workers of its own: the same binary, the database in the environment, where `ps` does not show it.
enum WorkerLaunch {
    static func make(_ database: DatabaseArguments) throws -> (program: String, arguments: [String], environment: [String: String]) {
        var environment = ProcessInfo.processInfo.environment
        if case .server(let conninfo) = try database.location(), !conninfo.text.isEmpty { environment["TILESCOUT_DATABASE"] = conninfo.text }
        return ("/proc/self/exe", ["drain", "--parent", "\(getpid())"], environment)
    }

    /// Variables that a program of the operator's has no use for.
    private static let secrets = ["TILESCOUT_DATABASE", "PGPASSWORD", "PGPASSFILE", "PGSSLKEY", "PGSERVICEFILE"]

    static var environmentWithoutSecrets: [String: String] {
        ProcessInfo.processInfo.environment.filter { !secrets.contains($0.key) }
    }
}
