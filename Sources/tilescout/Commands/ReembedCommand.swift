import ArgumentParser
import Foundation
import Ingest
import Pipeline
import TileStore

struct ReembedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reembed",
        abstract: "Embeds all tiles with another model while the present one serves, then switches.",
        discussion: """
            The former model's vectors stay: `tilescout reembed --model FORMER` switches back at once. What was cut short is \
            continued by the same call.
            """)

    @Option(help: "Name of an installed model (tilescout models).")
    var model: String

    @Option(name: [.short, .long], help: "Only this collection; may be repeated. The model serves only when none lacks vectors.")
    var collection: [String] = []

    @Flag(inversion: .prefixedNo, help: "Let the model serve when its table is full.")
    var `switch` = true

    @OptionGroup(title: "Database") var database: DatabaseArguments

    func run() throws {
        let location = try database.location()
        _ = try database.migratedStore()
        let concurrency = IngestOptions.Concurrency()
        let outcome = try Reembedding(
            model: model, worker: WorkerLaunch.make(database), log: { Terminal.writeError($0 + "\n") }, openStore: { try TileStore(location) }
        ).run(
            collections: collection.isEmpty ? nil : collection,
            workers: .init(encoders: concurrency.encoders, cutters: concurrency.cutters), switches: `switch`)
        Terminal.write("\(Quantity.count(outcome.tiles - outcome.missing)) of \(Quantity.count(outcome.tiles)) visible tiles have a vector of \(model)")
        if outcome.isServing {
            Terminal.write("\(model) serves searches" + (outcome.formerModel.map { $0 == model ? "" : "; \($0) did before" } ?? ""))
        }
        for failure in outcome.failures { Terminal.warn("\(failure.path): \(failure.reason)") }
        if outcome.missing > 0 { throw ExitStatus.someScenesFailed }
    }
}
