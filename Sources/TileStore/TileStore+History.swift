import PostgreSQL

/// What a deletion of replaced scenes came to.
public struct PruneCounts: Hashable, Sendable {
    public let scenes, tiles, jobs: Int
}

extension TileStore {
    /// Publishes a run by number: one that is ready or was rolled back. Refused while its pipeline is under way, and where files of it
    /// hold other bytes since: both would be visible.
    public func publish(runID: Int) throws {
        try connection.query("SELECT tilescout.publish_run($1::int)", [runID], operation: "publish run \(runID)")
    }

    /// Hides what a run brought and shows what it replaced.
    /// - Parameter through: the later runs of its collection as well.
    /// - Returns: the runs that were rolled back, newest first.
    public func rollBack(runID: Int, through: Bool = false) throws -> [Int] {
        try connection.query(
            "SELECT run FROM unnest(tilescout.rollback_run($1::int, $2)) WITH ORDINALITY AS r (run, place) ORDER BY place", [runID, through],
            operation: "roll back run \(runID)").map { try $0["run"] }
    }

    /// The collection's run that was published last; model cut-overs, which brought no scenes, excepted.
    public func latestPublishedRun(collection: String?) throws -> RunRecord? {
        try connection.query(
            """
            SELECT \(RunRecord.columns) FROM tilescout.runs WHERE state = 'published' AND kind <> 'reembed' AND ($1::text IS NULL OR collection = $1) \
            ORDER BY publish_order DESC LIMIT 1
            """, [collection], operation: "look up the latest run").first.map { try RunRecord($0) }
    }

    public func run(_ id: Int) throws -> RunRecord? {
        try connection.query("SELECT \(RunRecord.columns) FROM tilescout.runs WHERE id = $1::int", [id], operation: "look up run \(id)")
            .first.map { try RunRecord($0) }
    }

    /// Searches of this session go back to the state that a run published; nil: the present.
    /// - Parameter model: whose vectors will be compared; nil: the serving model's.
    /// - Returns: collections of which retention has deleted scenes that were visible then: they are found only in part.
    /// - Throws: where there is no such published run, or the model had no vectors then: a search would find nothing.
    @discardableResult
    public func setAsOf(runID: Int?, model: String? = nil) throws -> [String] {
        try connection.query("SELECT set_config('tilescout.as_of', $1, false)", [runID.map(String.init) ?? ""], operation: "go back to a run")
        guard let runID else { return [] }
        // Raises where there is no such published run.
        let then: [String] = try connection.query(
            "SELECT name FROM tilescout.models_with_vectors() AS m (name)", operation: "go back to run \(runID)").map { try $0["name"] }
        guard let wanted = try model ?? models().first(where: \.isServing)?.name, !then.contains(wanted) else {
            return try connection.query(
                "SELECT name FROM tilescout.collections_pruned_since(tilescout.as_of_order()) AS c (name)", operation: "go back to run \(runID)"
            ).map { try $0["name"] }
        }
        throw StoreError(
            operation: "go back to", thing: "run \(runID)", reason: "model \(wanted) had no vectors yet when it was published; searches used \(then.joined(separator: ", "))",
            code: .invalidRequest, hint: "tilescout reembed --model \(then.first ?? "FORMER") switches back; in SQL, name it: model => …")
    }

    /// Visible tiles that searches cannot find: the serving model has no vector of them.
    public func tilesWithoutServingVector() throws -> (model: String, missing: Int)? {
        // One model has them all: nothing to count.
        let models = try models()
        guard models.count > 1, let serving = models.first(where: \.isServing)?.name else { return nil }
        let missing = try coverage(model: serving).missing
        return missing == 0 ? nil : (serving, missing)
    }

    /// Deletes what was replaced before the last `keepRuns` publications of a collection.
    public func prune(collection: String, keepRuns: Int) throws -> PruneCounts {
        let row = try connection.query(
            "SELECT scenes, tiles, jobs FROM tilescout.prune($1, $2::int)", [collection, keepRuns], operation: "prune collection \(collection)")[0]
        return PruneCounts(scenes: try row["scenes"], tiles: try row["tiles"], jobs: try row["jobs"])
    }

    /// Visible tiles, and those of them without a vector of the model.
    public func coverage(model: String) throws -> (tiles: Int, missing: Int) {
        let row = try connection.query("SELECT tiles, missing FROM tilescout.model_coverage($1)", [model], operation: "measure model \(model)")[0]
        return (try row["tiles"], try row["missing"])
    }

    /// Makes a model the one that searches use.
    /// - Parameter partly: even where it lacks vectors of visible tiles.
    /// - Returns: the model that served before.
    @discardableResult
    public func serve(model: String, partly: Bool = false) throws -> String? {
        try connection.query("SELECT tilescout.serve_model($1, $2) AS before", [model, partly], operation: "serve model \(model)")[0]["before"]
    }
}
