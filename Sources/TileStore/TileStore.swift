import Foundation
import PostgreSQL
import TileGrid

/// The database of scenes, tiles and embeddings, over one connection: for one thread at a time, calls block.
///
/// Every statement is a call of a function or view of the `tilescout` schema; the SQL itself lies in sql/.
public final class TileStore {
    public let connection: Connection

    public init(connection: Connection) {
        self.connection = connection
    }

    /// Connects, starting the private cluster where that is meant; does not migrate.
    public convenience init(_ location: DatabaseLocation) throws {
        self.init(connection: try location.connect())
    }

    // MARK: Schema

    /// Brings the schema to this binary's version; nothing happens when it is there.
    @discardableResult
    public func migrate() throws -> Migrator.Report { try Migrator(connection: connection).migrate() }

    /// Throws unless the schema is this binary's and the extensions will do. Returns warnings.
    @discardableResult
    public func ensureCompatible() throws -> [String] { try Migrator(connection: connection).ensureCompatible() }

    // MARK: Models

    /// Makes a model known, or finds it. Throws when the name stands for other weights, or the weights have another name.
    public func register(_ model: ModelDescription) throws -> ModelRecord {
        let rows = try connection.query(
            "SELECT \(ModelRecord.columns) FROM tilescout.register_model($1, $2, $3::text::jsonb, $4::int) AS model",
            [model.name, model.weightsSHA256, model.preprocessing, model.dimension], operation: "register model \(model.name)")
        return try ModelRecord(rows[0])
    }

    public func models() throws -> [ModelRecord] {
        try connection.query("SELECT \(ModelRecord.columns) FROM tilescout.model ORDER BY id", operation: "list models").map(ModelRecord.init)
    }

    // MARK: Runs

    /// Starts a run, or continues the unpublished one of equal options. Throws when another process works on that.
    public func beginRun(_ request: RunRequest) throws -> Run {
        try connection.transaction(operation: "begin a run") {
            let row = try connection.query(
                "SELECT run_id, resumed, attempts, tilescout.tiling_id($8) AS tiling FROM tilescout.begin_run($1, $2, $3, $4::text::jsonb, $5, $6::int, $7)",
                [
                    request.kind.rawValue, request.collection, request.model, request.options, ProcessInfo.processInfo.hostName,
                    Int(ProcessInfo.processInfo.processIdentifier), request.version, request.tiling,
                ], operation: "begin a run")[0]
            return Run(
                id: try row["run_id"], tilingID: try row["tiling"], isResumed: try row["resumed"], attempts: try row["attempts"], request: request)
        }
    }

    /// Publishes the run at once and as a whole, or leaves it hidden for the next one to continue.
    /// - Parameter counts: the run's own account, a JSON object.
    public func finish(_ run: Run, _ outcome: RunOutcome, counts: String = "{}") throws {
        switch outcome {
        case .published:
            try connection.query("SELECT tilescout.publish_run($1::int, $2::text::jsonb)", [run.id, counts], operation: "publish run \(run.id)")
        case .interrupted(let reason):
            try stop(run, as: "interrupted", reason, counts)
        case .failed(let reason):
            try stop(run, as: "failed", reason, counts)
        case .ready:
            try stop(run, as: "ready", nil, counts)
        }
    }

    private func stop(_ run: Run, as state: String, _ reason: String?, _ counts: String) throws {
        try connection.query(
            "SELECT tilescout.stop_run($1::int, $2, $3, $4::text::jsonb)", [run.id, state, reason, counts], operation: "stop run \(run.id)")
    }

    /// Latest first.
    public func runs(limit: Int = 100) throws -> [RunRecord] {
        try connection.query("SELECT \(RunRecord.columns) FROM tilescout.runs ORDER BY id DESC LIMIT $1", [limit], operation: "list runs")
            .map(RunRecord.init)
    }

    public func recordFailure(_ run: Run, path: String, stage: String, reason: String) throws {
        try connection.query(
            "SELECT tilescout.record_failure($1::int, $2, $3, $4)", [run.id, path.storable, stage, reason.storable], operation: "record a failure")
    }

    /// Files that could not be ingested and have not been since.
    public func failures(collection: String? = nil) throws -> [FailureRecord] {
        try connection.query(
            "SELECT \(FailureRecord.columns) FROM tilescout.failures WHERE $1::text IS NULL OR collection = $1 ORDER BY collection, path", [collection],
            operation: "list failures").map(FailureRecord.init)
    }

    // MARK: Content

    /// SHA-256 over all visible content, independent of how and when it came in.
    public func contentHash() throws -> String {
        try connection.query("SELECT tilescout.content_hash() AS hash", operation: "hash the content")[0]["hash"]
    }

    public struct RelationSize: Hashable, Sendable {
        public let name: String
        /// As of the last ANALYZE.
        public let rows: Int
        public let tableBytes, indexBytes: Int
    }

    public func databaseSize() throws -> [RelationSize] {
        try connection.query("SELECT relation, rows, table_bytes, index_bytes FROM tilescout.database_size()", operation: "measure the database").map {
            RelationSize(name: try $0["relation"], rows: try $0["rows"], tableBytes: try $0["table_bytes"], indexBytes: try $0["index_bytes"])
        }
    }
}

extension String {
    /// PostgreSQL text holds no NUL; a path cannot either, but a message from a corrupt file can.
    var storable: String { replacing("\0", with: "\u{FFFD}") }
}
