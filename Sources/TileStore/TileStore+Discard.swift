import PostgreSQL

extension TileStore {
    /// Takes back what a run stored of a scene that failed half-way; what other runs stored of it stays.
    /// - Returns: how many tiles were taken back.
    @discardableResult
    public func discard(sceneID: Int, run: Run) throws -> Int {
        try connection.query(
            "SELECT tilescout.discard_scene($1::int, $2) AS tiles", [run.id, sceneID],
            operation: "take back scene \(sceneID)")[0]["tiles"]
    }

    /// Before publishing: takes back what a run stored of scenes that did not come through.
    /// - Returns: how many tiles were taken back.
    @discardableResult
    public func discardFailed(run: Run) throws -> Int {
        try connection.query("SELECT tilescout.discard_failed($1::int) AS tiles", [run.id], operation: "take back failed scenes")[0]["tiles"]
    }

    /// What went with a run that was discarded.
    public struct DiscardCounts: Hashable, Sendable {
        public let scenes, tiles, jobs: Int
    }

    /// Deletes a run that was never published, with all that it alone has stored. Refused while somebody works on it.
    public func discard(runID: Int) throws -> DiscardCounts {
        let row = try connection.query("SELECT scenes, tiles, jobs FROM tilescout.discard_run($1::int)", [runID], operation: "discard run \(runID)")[0]
        return DiscardCounts(scenes: try row["scenes"], tiles: try row["tiles"], jobs: try row["jobs"])
    }
}
