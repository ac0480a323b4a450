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
            continued by the same call. Scenes whose files are gone cannot be embedded: with --partly the model serves without them.
            """)

    @Option(help: "Name of an installed model (tilescout models).")
    var model: String

    @Option(name: [.short, .long], help: "Only this collection; may be repeated. The model serves only when none lacks vectors.")
    var collection: [String] = []

    @Flag(inversion: .prefixedNo, help: "Let the model serve when its table is full.")
    var `switch` = true

    @Flag(help: "Let it serve also where tiles lack its vectors, because their files are gone or failed: searches do not find those.")
    var partly = false

    @OptionGroup(title: "Database") var database: DatabaseArguments

    func validate() throws {
        if partly, !`switch` { throw ValidationError("--partly says when to switch, --no-switch not to.") }
    }

    func run() throws {
        let location = try database.location()
        _ = try database.migratedStore()
        let outcome = try Reembedding(
            model: model, worker: WorkerLaunch.make(database), log: { Terminal.writeError($0 + "\n") }, openStore: { try TileStore(location) }
        ).run(
            collections: collection.isEmpty ? nil : collection,
            workers: .init(), switches: `switch`, partly: partly)
        try Terminal.write("\(Quantity.count(outcome.tiles - outcome.missing)) of \(Quantity.count(outcome.tiles)) visible tiles have a vector of \(model)")
        if outcome.isServing {
            try Terminal.write("\(model) serves searches" + (outcome.formerModel.map { $0 == model ? "" : "; \($0) did before" } ?? ""))
        }
        for failure in outcome.failures { Terminal.warn("\(failure.path): \(failure.reason)") }
        guard outcome.missing > 0 else { return }
        let lack = Quantity.count(outcome.missing)
        if outcome.isServing {
            return Terminal.warn("\(lack) visible tiles have no vector of \(model): searches do not find them")
        }
        if `switch` {
            Terminal.warn("\(model) does not serve: \(lack) visible tiles have no vector of it. Where their files are gone for good, forget their scenes "
                + "(tilescout forget), or switch without them: tilescout reembed --model \(model) --partly")
        }
        throw ExitStatus.someScenesFailed
    }
}
