import ArgumentParser
import Ingest

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Says what an ingest would do and cost; writes nothing.",
        discussion: "Opens every scene, and cuts and encodes a few tiles to estimate the time.")

    @Argument(help: ArgumentHelp("Folders, files, globs, or @FILE with a path a line.", valueName: "dir"))
    var roots: [String]

    @OptionGroup(title: "Cutting") var tiling: TilingArguments
    @OptionGroup(title: "Encoding") var encoding: EncodingArguments

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let plan = try IngestPlan(options: IngestOptions(
            roots: roots, collection: "plan", tiling: tiling.options(), limits: tiling.limits, model: encoding.loadModel(),
            precision: encoding.precision, concurrency: encoding.concurrency))
        if json {
            try Terminal.writeJSON(plan)
        } else {
            try Terminal.write("""
                scenes    \(Quantity.count(plan.scenes))
                tiles     \(Quantity.count(plan.tiles)) at most
                read      \(Quantity.bytes(plan.bytesRead))
                database  grows by about \(Quantity.bytes(plan.databaseBytes))
                time      \(plan.seconds.map { "about " + Quantity.duration($0) } ?? "unknown: no tile could be cut")
                """)
        }
        try Terminal.report(plan.failures)
    }
}
