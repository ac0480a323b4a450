import Foundation
import PostgreSQL

/// Which database tilescout works with.
public enum DatabaseLocation: Hashable, Sendable {
    /// A PostgreSQL cluster of tilescout's own under this data root, started when needed.
    case privateCluster(dataRoot: URL)
    /// A server that somebody else runs: a URL, `key=value` pairs, `service=name`, or empty for the PG* variables.
    case server(Conninfo)

    /// The PG* variables that say where a server is. (PGPASSWORD, PGSSLMODE and the like only say how to talk to one.)
    static let locatingVariables = ["PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE"]

    /// `explicit` (a connection string or URL) if given, else `$TILESCOUT_DATABASE`, else the server that PG* variables
    /// name, else the private cluster.
    public static func standard(
        explicit: String? = nil, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> DatabaseLocation {
        if let text = explicit ?? environment["TILESCOUT_DATABASE"], !text.isEmpty { return .server(try Conninfo(text)) }
        if locatingVariables.contains(where: { !(environment[$0] ?? "").isEmpty }) { return .server(try Conninfo("")) }
        return .privateCluster(dataRoot: DataRoot.standard(environment: environment))
    }

    /// A connection; a private cluster is made and started first.
    public func connect() throws -> Connection {
        switch self {
        case .privateCluster(let dataRoot):
            let cluster = try PrivateCluster(dataRoot: dataRoot)
            try cluster.start()
            return try cluster.connect()
        case .server(let conninfo):
            return try Connection(conninfo)
        }
    }

    /// What to tell a person; no secrets.
    public var summary: String {
        switch self {
        case .privateCluster(let dataRoot): "the private cluster under \(dataRoot.path)"
        case .server(let conninfo): conninfo.redacted.isEmpty ? "the server that PG* variables name" : "the server \(conninfo.redacted)"
        }
    }
}
