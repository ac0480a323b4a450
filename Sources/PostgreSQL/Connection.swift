import CLibPQ
import Foundation

/// One libpq connection, used from one thread at a time (libpq manual, 34.20: a `PGconn` is not for concurrent use); only
/// ``Cancellation`` may cross threads. Calls block: keep them off the cooperative pool.
public final class Connection {
    let handle: OpaquePointer
    private let notices = NoticeLog()
    private let conninfo: Conninfo
    private let serverFolder: URL?
    private var depth = 0

    /// How long to wait for a server that does not answer, unless the connection string, service or PGCONNECT_TIMEOUT say.
    private static let connectTimeoutSeconds = 10

    /// How often a server looks, during a statement, whether we are still there.
    private static let clientCheckSeconds = 5

    /// Connects; PG* variables, the service file and ~/.pgpass count as in psql.
    /// - Parameter serverFolder: where the server keeps its files, from a caller who runs it: errors carry it.
    public init(_ conninfo: Conninfo, applicationName: String = "tilescout", serverFolder: URL? = nil) throws {
        // Entries before `dbname` yield to what the connection string says, later ones win (libpq manual, PQconnectdbParams).
        var settings: [(String, String)] = []
        if ProcessInfo.processInfo.environment["PGCONNECT_TIMEOUT"] == nil {
            settings.append(("connect_timeout", String(Self.connectTimeoutSeconds)))
        }
        settings += [("dbname", conninfo.text), ("fallback_application_name", applicationName), ("client_encoding", "UTF8")]
        self.conninfo = conninfo
        self.serverFolder = serverFolder
        // libpq writes to stderr what a server says while a connection is made, unless it has a receiver, which takes a handle. So a first attempt is begun for the handle alone, and given up
        // for one as PQconnectdbParams makes it, with each host's timeout. Where it has failed at once, it has tried all hosts.
        handle = settings.withCStringArrays { PQconnectStartParams($0, $1, 1) }
        PQsetNoticeReceiver(handle, { context, result in
            guard let context, let result else { return }
            Unmanaged<NoticeLog>.fromOpaque(context).takeUnretainedValue().record(result)
        }, Unmanaged.passUnretained(notices).toOpaque())
        if PQstatus(handle) != CONNECTION_BAD { PQreset(handle) }
        guard PQstatus(handle) == CONNECTION_OK else {
            // All properties are set, so that deinit runs and frees the handle.
            let message = conninfo.redacted(String(cString: PQerrorMessage(handle))).oneLine
            throw PostgreSQLError(operation: "connect to the database", message: message, connectionLost: true, serverFolder: serverFolder)
        }
        // Between statements a server hears that its client is gone; during one, only where it looks (PostgreSQL 14 and later, on Linux). Else what was
        // killed would keep its locks until its statement ends. A server that does not know how refuses, and goes on without.
        if serverVersion >= 140_000 { try? execute(script: "SET client_connection_check_interval = '\(Self.clientCheckSeconds)s'") }
    }

    public convenience init(_ conninfo: String, applicationName: String = "tilescout") throws {
        try self.init(try Conninfo(conninfo), applicationName: applicationName)
    }

    deinit { PQfinish(handle) }

    /// The server's version as a number, 150005 for 15.5.
    public var serverVersion: Int { Int(PQserverVersion(handle)) }
    /// The process that serves this connection, as in `pg_stat_activity`.
    public var backendPID: Int { Int(PQbackendPID(handle)) }
    /// What to print of where we are: `tiles on /run/x as me`. No secrets.
    public var place: String {
        "\(String(cString: PQdb(handle))) on \(String(cString: PQhost(handle))) as \(String(cString: PQuser(handle)))"
    }
    /// False once the server has gone away under us; noticed by the call that failed, or by ``probe()``.
    public var isUsable: Bool { PQstatus(handle) == CONNECTION_OK }
    /// Opens a further session with the same server, on the thread that calls it.
    public var opener: @Sendable () throws -> Connection { { [conninfo, serverFolder] in try Connection(conninfo, serverFolder: serverFolder) } }
    /// A round trip that tells whether the server is still there.
    public func probe() -> Bool { (try? query("SELECT 1")) != nil }
    /// Notices and warnings since the last call, oldest first.
    public func takeNotices() -> [Notice] { notices.take() }

    /// Runs one statement with typed parameters (`$1`…) and returns its rows in binary format.
    /// - Parameter operation: what the error says was attempted, as in `cannot <operation>: …`.
    @discardableResult
    public func query(_ sql: String, _ parameters: [(any SQLParameter)?] = [], operation: String = "run a statement") throws -> QueryResult {
        let result = Parameters(parameters).withUnsafeArrays { count, types, values, lengths, formats in
            PQexecParams(handle, sql, count, types, values, lengths, formats, 1)
        }
        return try checked(result, operation)
    }

    /// Runs a script of several statements without parameters, as one implicit transaction unless it has its own.
    public func execute(script: String, operation: String = "run a script") throws {
        _ = try checked(PQexec(handle, script), operation)
    }

    /// Runs `body` in a transaction, or in a savepoint when one is open: committed when it returns, rolled back when it throws.
    public func transaction<T>(operation: String = "run a transaction", _ body: () throws -> T) throws -> T {
        let level = depth
        try execute(script: level == 0 ? "BEGIN" : "SAVEPOINT tilescout_\(level)", operation: operation)
        depth += 1
        defer { depth = level }
        do {
            let value = try body()
            try execute(script: level == 0 ? "COMMIT" : "RELEASE SAVEPOINT tilescout_\(level)", operation: operation)
            return value
        } catch {
            // The first error is the one to report; a lost connection has rolled back by itself.
            try? execute(script: level == 0 ? "ROLLBACK" : "ROLLBACK TO SAVEPOINT tilescout_\(level)")
            throw error
        }
    }

    /// Streams `rows` into a `COPY … FROM STDIN (FORMAT binary)` statement; all of them arrive or none.
    /// - Returns: rows copied, as the server counts them.
    @discardableResult
    public func copyIn<Rows: Sequence>(
        _ statement: String, columns: Int, rows: Rows, operation: String = "copy rows",
        encode: (Rows.Element, inout BinaryCopy) throws -> Void
    ) throws -> Int {
        let started = PQexec(handle, statement)
        guard PQresultStatus(started) == PGRES_COPY_IN else { _ = try checked(started, operation); preconditionFailure("no COPY FROM STDIN: \(statement)") }
        PQclear(started)
        do {
            var copy = BinaryCopy(columns: columns)
            for row in rows {
                try encode(row, &copy)
                if copy.count >= BinaryCopy.flushThreshold { try put(&copy, operation) }
            }
            copy.finish()
            try put(&copy, operation)
        } catch {
            PQputCopyEnd(handle, "rows could not be encoded")
            drainResults()
            throw error
        }
        guard PQputCopyEnd(handle, nil) == 1 else { throw clientError(operation) }
        let result = try checked(PQgetResult(handle), operation)
        drainResults()
        return result.affectedRows
    }

    /// A handle with which another thread can stop the statement that runs here.
    public func cancellation() throws -> Cancellation {
        guard let cancel = PQgetCancel(handle) else { throw clientError("prepare a cancellation") }
        return Cancellation(owning: cancel)
    }

    // MARK: -

    private func put(_ copy: inout BinaryCopy, _ operation: String) throws {
        let sent = copy.drain { PQputCopyData(handle, $0.bindMemory(to: CChar.self).baseAddress, Int32($0.count)) }
        guard sent == 1 else { throw clientError(operation) }
    }

    private func drainResults() {
        while let result = PQgetResult(handle) { PQclear(result) }
    }

    /// Takes ownership of `result`.
    private func checked(_ result: OpaquePointer?, _ operation: String) throws -> QueryResult {
        guard let result else { throw clientError(operation) }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
            return QueryResult(owning: result)
        case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
            preconditionFailure("COPY goes through copyIn")
        default:
            defer { PQclear(result) }
            func text(_ field: UnsafePointer<CChar>?) -> String? { field.map { String(cString: $0) } }
            let sqlstate = text(tilescout_pq_sqlstate(result))
            let message = text(tilescout_pq_message(result)) ?? String(cString: PQresultErrorMessage(result))
            throw PostgreSQLError(
                operation: operation, sqlstate: sqlstate,
                message: conninfo.redacted(message).oneLine, detail: text(tilescout_pq_detail(result)),
                hint: text(tilescout_pq_hint(result)), connectionLost: !isUsable, serverFolder: serverFolder)
        }
    }

    /// An error that libpq itself met, without a result of the server.
    private func clientError(_ operation: String) -> PostgreSQLError {
        PostgreSQLError(
            operation: operation, message: conninfo.redacted(String(cString: PQerrorMessage(handle))).oneLine,
            connectionLost: !isUsable, serverFolder: serverFolder)
    }
}

extension [(String, String)] {
    /// Two null-terminated C arrays of the keywords and the values, alive during `body`.
    fileprivate func withCStringArrays<T>(
        _ body: ([UnsafePointer<CChar>?], [UnsafePointer<CChar>?]) -> T
    ) -> T {
        let keywords = map { strdup($0.0) }, values = map { strdup($0.1) }
        defer { (keywords + values).forEach { free($0) } }
        return body(keywords.map { UnsafePointer($0) } + [nil], values.map { UnsafePointer($0) } + [nil])
    }
}

extension String {
    /// libpq ends messages with a newline and breaks long ones; an error is one sentence.
    fileprivate var oneLine: String {
        split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: " ")
    }
}
