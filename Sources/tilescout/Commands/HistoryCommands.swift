import ArgumentParser
import Foundation
import TileStore

struct RunsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "runs", abstract: "Lists runs, the latest first.")

    @Option(help: "How many.")
    var limit = 20

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
        Terminal.write(runs.isEmpty ? "No run yet." : table.text)
    }
}

struct PublishCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish", abstract: "Makes a run visible at once: one that is ready, or was rolled back or interrupted.")

    @Argument(help: ArgumentHelp("Number of the run (tilescout runs).", valueName: "run"))
    var number: Int

    @OptionGroup(title: "Database") var database: DatabaseArguments

    func run() throws {
        let store = try database.store()
        try store.publish(runID: number)
        if let record = try store.run(number) { for note in try store.buildIndexes(model: record.model).notes { Terminal.warn(note) } }
        Terminal.write("run \(number) is published")
    }
}

struct RollbackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback", abstract: "Hides what a run brought and shows what it replaced, at once.",
        discussion: "Without a number, the run published last. The scenes are ingested again by the next run, unless they are taken away or the pipeline is stopped.")

    @Argument(help: ArgumentHelp("Number of the run (tilescout runs).", valueName: "run"))
    var number: Int?

    @Option(name: [.short, .long], help: "The last run of this collection.")
    var collection: String?

    @Flag(help: "Also the later runs of its collection.")
    var through = false

    @OptionGroup(title: "Database") var database: DatabaseArguments

    func run() throws {
        let store = try database.store()
        guard let run = try number ?? store.latestPublishedRun(collection: collection)?.id else {
            throw Failure("no run is published", ExitStatus.noInput)
        }
        let runs = try store.rollBack(runID: run, through: through)
        Terminal.write("rolled back: run " + runs.map(String.init).joined(separator: ", "))
    }
}
