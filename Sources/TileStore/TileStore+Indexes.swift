import Foundation
import PostgreSQL

extension TileStore {
    /// Statistics for the planner, and the index where there are rows enough: lists by look, or HNSW where the server has no `tilescout_packs`. To be called after
    /// loading, outside a transaction.
    ///
    /// Neither searches nor loading wait: lists replace the former ones in one statement; HNSW is built, and the former one dropped, CONCURRENTLY, with a short transaction
    /// between that switches searches over. The build itself waits for transactions that were open before it. Where the session's role
    /// does not own the model's table, which CREATE INDEX asks for, `tilescout.build_index` does it in one transaction, loading waits
    /// meanwhile, and the report says so. What an earlier build that was killed left is used, or dropped.
    ///
    /// - Parameters:
    ///   - dropPatience: seconds to wait for each transaction that may still use the former index; after that, the next build drops it.
    ///   - interval: seconds between two calls of `progress`, which come on another thread.
    /// - Throws: `PostgreSQLError`; a build that failed leaves the former index in use.
    public func buildIndexes(
        model: String, force: Bool = false, dropPatience: Int = 60, every interval: TimeInterval = 1, progress: (@Sendable (IndexProgress) -> Void)? = nil
    ) throws -> IndexReport {
        let operation = "build the index of model \(model)"
        let claim = try connection.query("SELECT model_id, owner, owned, claimed, builder FROM tilescout.claim_index($1)", [model], operation: operation)[0]
        let modelID: Int = try claim["model_id"], owner: String = try claim["owner"]
        guard try claim["owned"] else { return try buildInTransaction(model: model, force: force, owner: owner, operation) }
        guard try claim["claimed"] else {
            let builder: Int? = try claim["builder"]
            return try IndexReport(connection.query(
                "SELECT 'left to process ' || coalesce($2::int::text, '?') || ', which is building it' AS action, NULL::text AS index_name, rows_indexed, rows_outside FROM tilescout.plan_index($1)",
                [model, builder], operation: operation)[0])
        }
        defer { _ = try? connection.query("SELECT tilescout.release_index($1::int)", [modelID]) }
        return try buildConcurrently(model: model, modelID: modelID, force: force, dropPatience: dropPatience, operation) { [connection] rows in
            progress.map { IndexWatch(connection, rows: rows, every: interval, report: $0) }
        }
    }

    private func buildConcurrently(
        model: String, modelID: Int, force: Bool, dropPatience: Int, _ operation: String, startWatch: (_ rows: Int) -> IndexWatch?
    ) throws -> IndexReport {
        var notes: [String] = []
        try analyze(modelID, &notes, operation)
        try with(["statement_timeout": "0"]) { _ = try connection.query("SELECT tilescout.settle_looks($1::int)", [modelID], operation: operation) }
        // A client that was killed may have left an index that is complete, or one that is not.
        try settleIndex(modelID, operation)
        try dropStaleIndexes(modelID, patience: dropPatience, &notes, operation)
        let plan = try connection.query(
            "SELECT action, index_name, rows_indexed, rows_outside, statement, in_parallel FROM tilescout.plan_index($1, $2)", [model, force], operation: operation)[0]
        var report = try IndexReport(plan)
        if let statement: String = try plan["statement"] {
            var settings = ["statement_timeout": "0", "lock_timeout": "0", "client_min_messages": "notice"]
            if try plan["in_parallel"] == false { settings["max_parallel_maintenance_workers"] = "0" }
            let watch = startWatch(report.rowsIndexed)
            defer { watch?.end() }
            _ = connection.takeNotices()
            do {
                try with(settings) { _ = try connection.query(statement, operation: operation) }
            } catch {
                // The broken index would be kept up to date with every row that is loaded.
                var ignored: [String] = []
                try? dropStaleIndexes(modelID, patience: dropPatience, &ignored, operation)
                throw error
            }
            notes += try memoryNotes(operation)
            try settleIndex(modelID, operation)
            try dropStaleIndexes(modelID, patience: dropPatience, &notes, operation)
            try analyze(modelID, &notes, operation)
        }
        report.notes = notes
        return report
    }

    /// As the schema's owner, in one transaction.
    private func buildInTransaction(model: String, force: Bool, owner: String, _ operation: String) throws -> IndexReport {
        _ = connection.takeNotices()
        var report = try IndexReport(connection.query(
            "SELECT action, index_name, rows_indexed, rows_outside FROM tilescout.build_index($1, $2)", [model, force], operation: operation)[0])
        report.notes = try memoryNotes(operation)
        if report.action == "built", report.indexName != IndexReport.lists {
            report.notes.append(
                "loading waited while the index was built, for the tables belong to \(owner); it does not where tilescout connects as \(owner), or as a member of it")
        }
        return report
    }

    private func settleIndex(_ modelID: Int, _ operation: String) throws {
        try connection.query("SELECT tilescout.settle_index($1::int)", [modelID], operation: operation)
    }

    private func analyze(_ modelID: Int, _ notes: inout [String], _ operation: String) throws {
        let isDone: Bool = try connection.query("SELECT tilescout.analyze_model($1::int) AS done", [modelID], operation: operation)[0]["done"]
        let note = "the planner's statistics are as they were: something else maintains the table"
        if !isDone, !notes.contains(note) { notes.append(note) }
    }

    /// Each drop waits for the transactions that may use the index; nobody waits for it.
    private func dropStaleIndexes(_ modelID: Int, patience: Int, _ notes: inout [String], _ operation: String) throws {
        for stale in try connection.query("SELECT index_name, statement FROM tilescout.stale_indexes($1::int)", [modelID], operation: operation) {
            let name: String = try stale["index_name"], statement: String = try stale["statement"]
            do {
                try with(["statement_timeout": "0", "lock_timeout": "\(patience)s"]) { _ = try connection.query(statement, operation: "drop index \(name)") }
            } catch let error as PostgreSQLError where error.sqlstate == PostgreSQLError.State.lockNotAvailable {
                let note = "index \(name) is still to be dropped: a transaction that may use it has been open for long; the next build tries again"
                if !notes.contains(note) { notes.append(note) }
            }
        }
    }

    /// pgvector says when the graph outgrew the memory that builds may use.
    private func memoryNotes(_ operation: String) throws -> [String] {
        let notices = connection.takeNotices().map(\.message)
        guard notices.contains(where: { $0.contains("maintenance_work_mem") }) else { return notices }
        let memory: String = try connection.query("SELECT current_setting('maintenance_work_mem') AS memory", operation: operation)[0]["memory"]
        return notices + ["maintenance_work_mem is \(memory): the index is built several times faster where its graph fits"]
    }

    /// Session settings during `body`, and what they were after it.
    private func with<T>(_ settings: [String: String], _ body: () throws -> T) throws -> T {
        var former: [(String, String)] = []
        defer { for (name, value) in former { _ = try? connection.query("SELECT set_config($1, $2, false)", [name, value]) } }
        for (name, value) in settings {
            former.append((name, try connection.query("SELECT current_setting($1) AS value", [name])[0]["value"]))
            try connection.query("SELECT set_config($1, $2, false)", [name, value])
        }
        return try body()
    }
}
