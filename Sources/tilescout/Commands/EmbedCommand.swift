import ArgumentParser
import Ingest

struct EmbedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed",
        abstract: "Embeds image files; nothing is stored.",
        discussion: "Writes a float32 matrix for numpy.load, and beside it a text file that names its rows.")

    @Argument(help: ArgumentHelp("Tiles: folders, files, globs, or @FILE with a path a line.", valueName: "tiles"))
    var roots: [String]

    @Option(help: "The .npy file to write.")
    var out: String

    @OptionGroup(title: "Encoding") var encoding: EncodingArguments

    @Flag(help: "Print the report as JSON.")
    var json = false

    @Flag(name: [.short, .long], help: "No progress.")
    var quiet = false

    func run() throws {
        let export = EmbeddingExport(
            roots: roots, model: try encoding.loadModel(), precision: encoding.precision, output: out,
            display: Terminal.progress(quiet: quiet))
        let report = try export.run()
        if json {
            try Terminal.writeJSON(report)
        } else {
            try Terminal.write("\(Quantity.count(report.tilesEncoded, "embedding")) in \(out), names in \(export.idsPath), "
                + "\(Quantity.duration(report.seconds)) (\(Quantity.count(Int(report.tilesPerSecond))) tiles/s)")
        }
        try Terminal.report(report.failures)
    }
}
