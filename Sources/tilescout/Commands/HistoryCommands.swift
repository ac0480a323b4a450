import ArgumentParser
import Foundation
import TileStore

struct RunsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs", abstract: "Lists runs, the latest first; discards one that nothing will continue.",
        discussion: """
            A run that was not published is continued by the same command, or by its pipeline with the same settings. One whose settings \
            have changed since stays as it is, hidden, and keeps later runs out of the index: discard it.
            """)

    @Option(help: "How many.")
    var limit = 20

    @Option(help: ArgumentHelp("Delete this run, which was never published, with all that it has stored.", valueName: "run"))
    var discard: Int?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup(title: "Database") var database: DatabaseArguments

    struct Entry: Encodable {
        var run: Int
        var kind, collection, model, state: String
        var pipeline, reason: String?
        var attempts, scenes, tilesStored, failures: Int
        var started: Date
        var published: Date?
    }

    func run() throws {
        if let discard { return try discardRun(discard) }
        let runs = try database.store().runs(limit: limit)
        if json {
            return try Terminal.writeJSON(runs.map {
                Entry(
                    run: $0.id, kind: $0.kind, collection: $0.collection, model: $0.model, state: $0.state, pipeline: $0.pipeline,
                    reason: $0.reason, attempts: $0.attempts, scenes: $0.scenes, tilesStored: $0.tilesStored, failures: $0.failures,
                    started: $0.startedAt, published: $0.publishedAt)
            })
        }
        var table = TextTable([
            ("run", .right), ("state", .left), ("collection", .left), ("pipeline", .left), ("scenes", .right), ("tiles", .right),
            ("failed", .right), ("began", .left), ("reason", .left),
        ])
        for run in runs {
            table.append([
                "\(run.id)", run.state, run.collection, run.pipeline ?? "–", Quantity.count(run.scenes), Quantity.count(run.tilesStored),
                Quantity.count(run.failures), run.startedAt.ISO8601Format(), run.reason ?? "",
            ])
        }
        try Terminal.write(runs.isEmpty ? "No run yet." : table.text)
    }

    private func discardRun(_ number: Int) throws {
        let store = try database.store()
        let record = try store.run(number)
        let gone = try store.discard(runID: number)
        do {
            if let record { _ = try store.buildIndexes(model: record.model) }
        } catch {
            Terminal.warn("the index could not be brought up to date: \(error)")
        }
        try Terminal.write("run \(number) is discarded: \(Quantity.count(gone.scenes)) scenes and \(Quantity.count(gone.tiles)) tiles that it alone had "
            + "stored, \(Quantity.count(gone.jobs)) jobs")
    }
}

struct PublishCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish", abstract: "Makes a run visible at once: one that is ready, or was rolled back.",
        discussion: """
            One that was interrupted or refused is not complete: the command that began it continues it. Files that hold other bytes since, \
            or are gone, are a reason to refuse: both would be visible.
            """)

    @Argument(help: ArgumentHelp("Number of the run (tilescout runs).", valueName: "run"))
    var number: Int

    @OptionGroup(title: "Database") var database: DatabaseArguments

    func run() throws {
        let store = try database.store()
        try store.publish(runID: number)
        do {
            if let record = try store.run(number) { for note in try store.buildIndexes(model: record.model).notes { Terminal.warn(note) } }
        } catch {
            Terminal.warn("its index could not be built, searches compare its vectors one by one: \(error)")
        }
        warnOfMissingVectors(store)
        try Terminal.write("run \(number) is published")
    }
}

struct RollbackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback", abstract: "Hides what a run brought and shows what it replaced, at once.",
        discussion: """
            Without a number, the run published last that was no model cut-over. The scenes are ingested again by the next run, unless \
            they are taken away or the pipeline is stopped. A cut-over whose model serves is not rolled back: switch back first, with \
            tilescout reembed --model FORMER.
            """)

    @Argument(help: ArgumentHelp("Number of the run (tilescout runs).", valueName: "run"))
    var number: Int?

    @Option(name: [.short, .long], help: "The last run of this collection.")
    var collection: String?

    @Flag(help: "Also the later runs of its collection.")
    var through = false

    @OptionGroup(title: "Database") var database: DatabaseArguments

    func run() throws {
        let store = try database.store()
        if let number, let collection, let record = try store.run(number), record.collection != collection {
            throw Failure("run \(number) is of collection \(record.collection), not of \(collection)", ExitStatus.badData)
        }
        guard let run = try number ?? store.latestPublishedRun(collection: collection)?.id else {
            throw Failure("no run is published", ExitStatus.noInput)
        }
        let runs = try store.rollBack(runID: run, through: through)
        warnOfMissingVectors(store)
        try Terminal.write("rolled back: run " + runs.map(String.init).joined(separator: ", "))
    }
}

/// What a model cut-over did not see has no vector of the model that serves.
private func warnOfMissingVectors(_ store: TileStore) {
    guard let lack = try? store.tilesWithoutServingVector() else { return }
    Terminal.warn("\(Quantity.count(lack.missing)) visible tiles have no vector of \(lack.model), which serves searches: tilescout reembed --model \(lack.model)")
}
