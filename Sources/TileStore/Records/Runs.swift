import Foundation
import PostgreSQL

/// What ``TileStore/beginRun(_:)`` starts or continues.
public struct RunRequest: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable { case ingest, reembed }

    public var kind: Kind
    /// Made when it does not exist.
    public var collection: String
    /// A registered model's name.
    public var model: String
    /// Everything that makes two runs the same: a JSON object. An unpublished run of equal options is continued.
    public var options: String
    /// All options of cutting, in their canonical text.
    public var tiling: String
    /// tilescout's own version, for the record.
    public var version: String

    public init(kind: Kind = .ingest, collection: String, model: String, options: String, tiling: String, version: String) {
        self.kind = kind
        self.collection = collection
        self.model = model
        self.options = options
        self.tiling = tiling
        self.version = version
    }
}

/// A run that this process works on; it holds a session lock until it is finished or the connection closes.
public struct Run: Hashable, Sendable {
    public let id: Int
    public let tilingID: Int
    /// True when an earlier process began it and did not publish.
    public let isResumed: Bool
    /// Processes that have worked on it, this one counted.
    public let attempts: Int
    public let request: RunRequest

    /// The same run with another of its ways of cutting.
    public func cutting(_ tilingID: Int, _ tiling: String) -> Run {
        var request = request
        request.tiling = tiling
        return Run(id: id, tilingID: tilingID, isResumed: isResumed, attempts: attempts, request: request)
    }
}

public enum RunOutcome: Hashable, Sendable {
    /// Everything it stored becomes visible at once.
    case published
    /// Stays hidden; the next run of equal options continues it.
    case interrupted(reason: String)
    case failed(reason: String)
    /// Complete, and hidden until somebody publishes it.
    case ready
}

/// A row of `tilescout.runs`.
public struct RunRecord: Hashable, Sendable {
    public let id: Int
    public let kind, collection, model, state: String
    public let attempts: Int
    public let startedAt: Date
    public let finishedAt, publishedAt: Date?
    public let reason: String?
    public let scenes, tilesStored, tilesAlreadyThere, failures: Int
    /// The run's own account, JSON.
    public let counts: String
    public let pipeline: String?
    /// What was asked for, JSON.
    public let options: String

    static let columns = """
        id, kind, collection, model, state, attempts, started_at, finished_at, published_at, reason, scenes, tiles_stored, \
        tiles_already_there, failures, counts, pipeline, options
        """

    init(_ row: Row) throws {
        id = try row["id"]
        kind = try row["kind"]
        collection = try row["collection"]
        model = try row["model"]
        state = try row["state"]
        attempts = try row["attempts"]
        startedAt = try row["started_at"]
        finishedAt = try row["finished_at"]
        publishedAt = try row["published_at"]
        reason = try row["reason"]
        scenes = try row["scenes"]
        tilesStored = try row["tiles_stored"]
        tilesAlreadyThere = try row["tiles_already_there"]
        failures = try row["failures"]
        counts = try row["counts"]
        pipeline = try row["pipeline"]
        options = try row["options"]
    }
}

/// A file that could not be ingested, and has not been since.
public struct FailureRecord: Hashable, Sendable {
    public let collection, path, stage, reason: String
    public let failedAt: Date
    public let runID: Int

    static let columns = "collection, path, stage, reason, failed_at, run_id"

    init(_ row: Row) throws {
        collection = try row["collection"]
        path = try row["path"]
        stage = try row["stage"]
        reason = try row["reason"]
        failedAt = try row["failed_at"]
        runID = try row["run_id"]
    }
}
