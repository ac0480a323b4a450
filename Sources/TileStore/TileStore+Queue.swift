import Foundation
import PostgreSQL

/// A file to go through, leased to a worker.
public struct Job: Hashable, Sendable {
    public let id: Int
    public let tilingID: Int
    public let file: SceneFile
    /// Bytes that the file must hold; nil: any.
    public let sha256: String?
    /// A worker died over it: it is to be done with nothing else under way.
    public let isSuspect: Bool
}

/// Jobs of one run by state.
public struct QueueDepth: Hashable, Sendable {
    public let waiting, leased, ingested, known, failed, dead: Int
    public var isDrained: Bool { waiting == 0 && leased == 0 }
}

/// A scene that a dead worker had open.
public struct BlamedScene: Hashable, Sendable {
    public let path: String
    /// Set aside: it will not be tried again in this run.
    public let isDead: Bool
}

extension TileStore {
    /// Jobs sent in one statement.
    private static let jobsAtOnce = 10_000

    /// Puts files into the queue, each once; what waits or is under way already stays as it is.
    /// - Returns: how many were put there now.
    @discardableResult
    public func enqueue(_ files: [(file: SceneFile, sha256: String?)], tilingID: Int, run: Run) throws -> Int {
        var queued = 0
        for start in stride(from: 0, to: files.count, by: Self.jobsAtOnce) {
            let part = files[start..<min(start + Self.jobsAtOnce, files.count)]
            let digests: [String]? = part.contains { $0.sha256 != nil } ? part.map { $0.sha256 ?? "" } : nil
            queued += try connection.query(
                "SELECT tilescout.enqueue($1::int, $2::int, $3, $4, $5, $6) AS queued",
                [run.id, tilingID, part.map(\.file.path), part.map(\.file.size), part.map(\.file.modifiedNanoseconds), digests],
                operation: "fill the queue")[0]["queued"] as Int
        }
        return queued
    }

    /// A continued run forgets what failed or waited before and is not asked for any more.
    public func dropJobs(except paths: [String], run: Run) throws {
        try connection.query("SELECT tilescout.drop_jobs_except($1::int, $2)", [run.id, paths], operation: "clear the queue")
    }

    /// Leases up to `most` jobs for `leaseSeconds`.
    /// - Parameter alone: the worker has nothing open, so a suspect may be given to it, by itself.
    public func claimJobs(runID: Int, worker: String, most: Int, leaseSeconds: Int, alone: Bool) throws -> [Job] {
        try connection.query(
            "SELECT job_id, tiling_id, path, size, modified_ns, sha256, suspect FROM tilescout.claim_jobs($1::int, $2, $3::int, $4::int, $5)",
            [runID, worker, most, leaseSeconds, alone], operation: "take jobs from the queue"
        ).map { row in
            let digest: String? = try row["sha256"]
            return Job(
                id: try row["job_id"], tilingID: try row["tiling_id"],
                file: SceneFile(path: try row["path"], size: try row["size"], modifiedNanoseconds: try row["modified_ns"]),
                sha256: digest?.isEmpty == true ? nil : digest, isSuspect: try row["suspect"])
        }.sorted { $0.id < $1.id }
    }

    /// - Returns: false where the lease has gone to another worker.
    public func startJob(_ id: Int, worker: String) throws -> Bool {
        try connection.query("SELECT tilescout.start_job($1, $2) AS ours", [id, worker], operation: "start a job")[0]["ours"]
    }

    public enum JobEnd: Hashable, Sendable {
        case ingested
        /// Its bytes were there already.
        case known
        case failed(stage: String, reason: String)
    }

    /// - Returns: false where the lease has gone to another worker; nothing happens then.
    public func endJob(_ id: Int, worker: String, _ end: JobEnd) throws -> Bool {
        let (state, stage, reason): (String, String?, String?) =
            switch end {
            case .ingested: ("ingested", nil, nil)
            case .known: ("known", nil, nil)
            case .failed(let stage, let reason): ("failed", stage, reason.storable)
            }
        return try connection.query(
            "SELECT tilescout.end_job($1, $2, $3, $4, $5) AS ours", [id, worker, state, stage, reason], operation: "end a job")[0]["ours"]
    }

    /// A worker's heartbeat. Returns how many leases it holds.
    @discardableResult
    public func renewLeases(worker: String, leaseSeconds: Int) throws -> Int {
        try connection.query("SELECT tilescout.renew_leases($1, $2::int) AS held", [worker, leaseSeconds], operation: "renew leases")[0]["held"]
    }

    /// Gives back one job, or all that a worker holds.
    @discardableResult
    public func putBack(worker: String, job: Int? = nil, laterSeconds: Int = 0) throws -> Int {
        try connection.query(
            "SELECT tilescout.put_back($1, $2::bigint, $3::int) AS jobs", [worker, job, laterSeconds], operation: "give jobs back")[0]["jobs"]
    }

    /// A worker died: what it had open is suspect, or set aside after `crashesAllowed` deaths.
    public func blame(worker: String, reason: String, crashesAllowed: Int = 2) throws -> [BlamedScene] {
        try connection.query(
            "SELECT path, dead FROM tilescout.blame_worker($1, $2, $3::int)", [worker, reason.storable, crashesAllowed],
            operation: "note a worker's death").map { BlamedScene(path: try $0["path"], isDead: try $0["dead"]) }
    }

    /// Puts the jobs of workers that went silent back into the queue.
    public func takeOverLost(lossesAllowed: Int = 5) throws -> [BlamedScene] {
        try connection.query(
            "SELECT path, dead FROM tilescout.take_over_lost($1::int)", [lossesAllowed], operation: "take over lost leases"
        ).map { BlamedScene(path: try $0["path"], isDead: try $0["dead"]) }
    }

    public func queueDepth(runID: Int) throws -> QueueDepth {
        let row = try connection.query(
            """
            SELECT coalesce(sum(waiting), 0)::bigint AS waiting, coalesce(sum(leased), 0)::bigint AS leased, \
            coalesce(sum(ingested), 0)::bigint AS ingested, coalesce(sum(known), 0)::bigint AS known, \
            coalesce(sum(failed), 0)::bigint AS failed, coalesce(sum(dead), 0)::bigint AS dead FROM tilescout.queue WHERE run_id = $1::int
            """, [runID], operation: "look at the queue")[0]
        return QueueDepth(
            waiting: try row["waiting"], leased: try row["leased"], ingested: try row["ingested"], known: try row["known"],
            failed: try row["failed"], dead: try row["dead"])
    }

    /// The oldest running run that has jobs waiting; nil when there is none.
    /// - Parameter passedOver: runs that are not asked for.
    public func runWithWork(except passedOver: [Int] = []) throws -> Int? {
        try connection.query(
            """
            SELECT r.id FROM tilescout.run AS r WHERE r.state = 'running' AND NOT r.id = ANY ($1::int[]) \
            AND EXISTS (SELECT FROM tilescout.job AS j WHERE j.run_id = r.id AND j.state = 'waiting' AND j.not_before <= now()) ORDER BY r.id LIMIT 1
            """, [passedOver], operation: "look for work").first.map { try $0["id"] }
    }

    /// What a worker did for a run; the same worker's later report replaces its earlier one.
    public func reportWorker(_ worker: String, runID: Int, started: Date, counts: String) throws {
        try connection.query(
            """
            INSERT INTO tilescout.worker_report (run_id, worker, started_at, ended_at, counts) VALUES ($1::int, $2, $3, now(), $4::text::jsonb) \
            ON CONFLICT (run_id, worker) DO UPDATE SET ended_at = now(), counts = excluded.counts
            """, [runID, worker, started, counts], operation: "note a worker's report")
    }
}
