import ArgumentParser
import Foundation
import Ingest
import TileStore

struct IngestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest",
        abstract: "Cuts scenes into tiles, embeds them and stores them for searching.",
        discussion: """
            What is in the store already is neither read nor encoded again; a run that was cut short is continued by the \
            same call. The new tiles become searchable together, when the run is complete.
            """)

    @Argument(help: ArgumentHelp("Folders, files, globs, or @FILE with a path a line.", valueName: "dir"))
    var roots: [String]

    @Option(name: [.short, .long], help: "Collection that the scenes belong to.")
    var collection = "default"

    @OptionGroup(title: "Cutting") var tiling: TilingArguments
    @OptionGroup(title: "Encoding") var encoding: EncodingArguments
    @OptionGroup(title: "Database") var database: DatabaseArguments

    @Option(help: "Also write each tile here, as a GeoTIFF.")
    var tilesOut: String?

    @Flag(help: "Print the report as JSON.")
    var json = false

    @Flag(name: [.short, .long], help: "No progress.")
    var quiet = false

    func run() throws {
        let options = IngestOptions(
            roots: roots, collection: collection, tiling: try tiling.options(), limits: tiling.limits,
            model: try encoding.loadModel(), precision: encoding.precision, tilesOut: tilesOut,
            concurrency: encoding.concurrency)
        let location = try database.location()
        _ = try database.migratedStore()
        let pipeline = IngestPipeline(options: options, display: Terminal.progress(quiet: quiet)) {
            try TileStore(location)
        }
        let report = try pipeline.run()
        if json {
            try Terminal.writeJSON(report)
        } else {
            try Terminal.write(IngestSummary(report, collection: collection).text)
        }
        if report.scenesFailed > 0 { throw ExitStatus.someScenesFailed }
    }
}
