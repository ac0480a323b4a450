import Foundation
import PostgreSQL
import TileGrid

/// A file that a collection knows, as it was last read.
public struct KnownFile: Hashable, Sendable {
    public let file: SceneFile
    /// Nothing is left to do for it while its size and time stay.
    public let isComplete: Bool
    /// It was found gone.
    public let isMissing: Bool
}

/// Files of a run's queue by outcome, each once.
public struct RunOutcomes: Hashable, Sendable {
    public let ingested, known, failed, dead, open: Int
}

extension TileStore {
    /// Keeps other runs of the pipeline away until this session ends.
    /// - Parameter shared: together with other shards of the same run.
    /// - Returns: false where another run holds it.
    public func lockPipeline(_ name: String, shared: Bool) throws -> Bool {
        let function = shared ? "pg_try_advisory_lock_shared" : "pg_try_advisory_lock"
        return try connection.query(
            "SELECT \(function)(tilescout.pipeline_lock_key($1)) AS ours", [name], operation: "lock pipeline \(name)")[0]["ours"]
    }

    /// Who works on the pipeline now, for a message.
    public func runOfPipeline(_ name: String) throws -> (id: Int, host: String, pid: Int)? {
        try connection.query(
            "SELECT id, host, pid FROM tilescout.run WHERE pipeline = $1 AND state = 'running' ORDER BY id DESC LIMIT 1", [name],
            operation: "look up pipeline \(name)").first.map { (try $0["id"], try $0["host"], try $0["pid"]) }
    }

    /// Whether this session, which holds a pipeline's lock with others, is the last of them; then no other can come any more.
    public func isAlone(inPipeline name: String) throws -> Bool {
        try lockPipeline(name, shared: false)
    }

    /// What ``joinRun(pipeline:_:array:)`` finds.
    public enum Joining: Sendable {
        case joined(Run)
        /// The array's run has ended before.
        case over(RunRecord)
        /// Another array works on the pipeline.
        case otherArray(runID: Int)
    }

    /// The open run of a pipeline, made or continued.
    public func joinRun(pipeline: String, _ request: RunRequest) throws -> Run {
        guard case .joined(let run) = try joinRun(pipeline: pipeline, request, array: nil) else {
            preconditionFailure("only an array meets arrays")
        }
        return run
    }

    /// The same, as one process of an array.
    /// - Parameter array: what tells this array from another night's; nil for a process by itself.
    public func joinRun(pipeline: String, _ request: RunRequest, array: String?) throws -> Joining {
        try connection.transaction(operation: "begin a run") {
            let row = try connection.query(
                "SELECT run_id, resumed, attempts, obstacle, tilescout.tiling_id($9) AS tiling FROM tilescout.join_run($1, $2, $3, $4, $5::text::jsonb, $6, $7::int, $8, $10)",
                [
                    request.kind.rawValue, pipeline, request.collection, request.model, request.options, ProcessInfo.processInfo.hostName,
                    Int(ProcessInfo.processInfo.processIdentifier), request.version, request.tiling, array,
                ], operation: "begin a run")[0]
            let id: Int = try row["run_id"]
            let obstacle: String? = try row["obstacle"]
            if obstacle != nil {
                guard obstacle == "over", let record = try run(id) else { return .otherArray(runID: id) }
                return .over(record)
            }
            return .joined(Run(
                id: id, tilingID: try row["tiling"], isResumed: try row["resumed"], attempts: try row["attempts"], request: request))
        }
    }

    /// Runs of a pipeline that were begun with other settings and never published: nothing continues them.
    public func abandonedRuns(pipeline: String, besides run: Run) throws -> [(id: Int, state: String)] {
        try connection.query(
            """
            SELECT id, state FROM tilescout.run WHERE pipeline = $1 AND id <> $2::int AND state IN ('running', 'interrupted', 'failed', 'ready') ORDER BY id
            """, [pipeline, run.id], operation: "look for abandoned runs").map { (try $0["id"], try $0["state"]) }
    }

    /// The id of a way of cutting, made known when new.
    public func tilingID(_ canonical: String) throws -> Int {
        try connection.query("SELECT tilescout.tiling_id($1) AS id", [canonical], operation: "note a way of cutting")[0]["id"]
    }

    /// A run under way, for a worker that did not begin it.
    public func runningRun(_ id: Int) throws -> Run? {
        try connection.query(
            """
            SELECT r.kind, c.name AS collection, m.name AS model, r.options::text AS options, r.attempts, r.version FROM tilescout.run AS r \
            JOIN tilescout.collection AS c ON c.id = r.collection_id JOIN tilescout.model AS m ON m.id = r.model_id \
            WHERE r.id = $1::int AND r.state = 'running'
            """, [id], operation: "look up run \(id)").first.map { row in
                let kind: String = try row["kind"]
                return Run(
                    id: id, tilingID: 0, isResumed: true, attempts: try row["attempts"],
                    request: RunRequest(
                        kind: RunRequest.Kind(rawValue: kind) ?? .ingest, collection: try row["collection"], model: try row["model"],
                        options: try row["options"], tiling: "", version: try row["version"]))
            }
    }

    /// Canonical texts of ways of cutting.
    public func tilings(_ ids: [Int]) throws -> [Int: String] {
        var texts: [Int: String] = [:]
        for row in try connection.query("SELECT id, canonical FROM tilescout.tiling WHERE id = ANY ($1::int[])", [ids], operation: "look up ways of cutting") {
            texts[try row["id"]] = try row["canonical"]
        }
        return texts
    }

    public func knownFiles(run: Run, tilings: [Int]) throws -> [KnownFile] {
        try connection.query(
            "SELECT path, size, modified_ns, complete, missing FROM tilescout.known_files($1::int, $2::int[])", [run.id, tilings],
            operation: "list the known files"
        ).map {
            KnownFile(
                file: SceneFile(path: try $0["path"], size: try $0["size"], modifiedNanoseconds: try $0["modified_ns"]),
                isComplete: try $0["complete"], isMissing: try $0["missing"])
        }
    }

    /// Notes the files that are gone, all of the run's at once.
    /// - Returns: scenes retired, those that no file holds any more.
    @discardableResult
    public func noteMissing(_ paths: [String], retire: Bool, run: Run) throws -> Int {
        try connection.query(
            "SELECT tilescout.note_missing($1::int, $2, $3) AS retired", [run.id, paths, retire], operation: "note missing files")[0]["retired"]
    }

    /// - Returns: true for the shard that finds all others through.
    public func shardDone(_ shard: Int, of shards: Int, array: String, run: Run) throws -> Bool {
        try connection.query(
            "SELECT tilescout.shard_done($1::int, $2, $3::int, $4::int) AS last", [run.id, array, shard, shards],
            operation: "note the end of a shard")[0]["last"]
    }

    public func outcomes(runID: Int) throws -> RunOutcomes {
        let row = try connection.query(
            "SELECT ingested, known, failed, dead, open FROM tilescout.run_outcomes($1::int)", [runID], operation: "count outcomes")[0]
        return RunOutcomes(
            ingested: try row["ingested"], known: try row["known"], failed: try row["failed"], dead: try row["dead"], open: try row["open"])
    }

    /// Tiles of a run's ledger: seen by the layouts of its scenes; stored, already there, and left out by reason (a JSON object).
    public func tileCounts(runID: Int) throws -> (seen: Int, stored: Int, alreadyThere: Int, skipped: String) {
        let row = try connection.query(
            "SELECT seen, stored, already_there, skipped::text AS skipped FROM tilescout.run_tiles($1::int)", [runID], operation: "count tiles")[0]
        return (try row["seen"], try row["stored"], try row["already_there"], try row["skipped"])
    }

    /// Failures of a run's queue, by path.
    public func jobFailures(runID: Int) throws -> [(path: String, stage: String, reason: String)] {
        try connection.query(
            """
            SELECT DISTINCT ON (path) path, coalesce(stage, 'worker') AS stage, coalesce(reason, state) AS reason FROM tilescout.job \
            WHERE run_id = $1::int AND state IN ('failed', 'dead') ORDER BY path, id
            """, [runID], operation: "list failures").map { (try $0["path"], try $0["stage"], try $0["reason"]) }
    }

    /// Paths that failed in published runs of a collection: known to be bad when those were published.
    public func knownFailures(collection: String) throws -> Set<String> {
        Set(try connection.query(
            """
            SELECT DISTINCT f.path FROM tilescout.failure AS f JOIN tilescout.run AS r ON r.id = f.run_id AND r.state = 'published' \
            JOIN tilescout.collection AS c ON c.id = r.collection_id WHERE c.name = $1
            """, [collection], operation: "list known failures").map { try $0["path"] })
    }

    /// Reports of the workers of a run (JSON objects), with their names and times.
    public func workerReports(runID: Int) throws -> [(worker: String, started: Date, ended: Date, counts: String)] {
        try connection.query(
            "SELECT worker, started_at, ended_at, counts::text AS counts FROM tilescout.worker_report WHERE run_id = $1::int ORDER BY started_at, worker",
            [runID], operation: "list the workers' reports").map { (try $0["worker"], try $0["started_at"], try $0["ended_at"], try $0["counts"]) }
    }

    /// Outlines of scenes that a run brought, GeoJSON.
    public func footprints(runID: Int, most: Int) throws -> [(path: String, geoJSON: String)] {
        try connection.query(
            "SELECT path, footprint FROM tilescout.run_footprints($1::int, $2::int)", [runID, most], operation: "list footprints"
        ).map { (try $0["path"], try $0["footprint"]) }
    }

    /// A tile with what reads it back from its scene.
    public struct SampleTile: Sendable {
        public let id: TileID
        public let scenePath: String
        public let window: PixelWindow
        /// JSON of the options it was cut with.
        public let tiling: String
        /// JSON of the stretch as applied.
        public let stretch: String
    }

    public func sampleTiles(runID: Int, most: Int) throws -> [SampleTile] {
        try connection.query(
            "SELECT tile_id, path, x, y, width, height, tiling, stretch FROM tilescout.run_sample($1::int, $2::int)", [runID, most],
            operation: "sample tiles"
        ).map {
            SampleTile(
                id: TileID(try $0["tile_id"] as UUID), scenePath: try $0["path"],
                window: PixelWindow(x: try $0["x"], y: try $0["y"], width: try $0["width"], height: try $0["height"]), tiling: try $0["tiling"],
                stretch: try $0["stretch"])
        }
    }

    /// What a model cut-over has to read of a collection.
    public func reembedFiles(collection: String) throws -> [(tiling: String, file: SceneFile, sha256: String)] {
        try connection.query(
            "SELECT tiling, path, size, modified_ns, sha256 FROM tilescout.reembed_files($1)", [collection], operation: "list scenes to embed again"
        ).map {
            (
                try $0["tiling"], SceneFile(path: try $0["path"], size: try $0["size"], modifiedNanoseconds: try $0["modified_ns"]),
                try $0["sha256"]
            )
        }
    }
}
