import ArgumentParser
import Ingest

struct TileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tile", abstract: "Cuts scenes into georeferenced GeoTIFF tiles; nothing is embedded or stored.")

    @Argument(help: ArgumentHelp("Folders, files, globs, or @FILE with a path a line.", valueName: "dir"))
    var roots: [String]

    @Option(help: "Folder for the tiles.")
    var out: String

    @OptionGroup(title: "Cutting") var tiling: TilingArguments

    @Flag(help: "Print the report as JSON.")
    var json = false

    @Flag(name: [.short, .long], help: "No progress.")
    var quiet = false

    func run() throws {
        let report = try TileExport(
            roots: roots, options: tiling.options(), limits: tiling.limits, folder: out,
            display: Terminal.progress(quiet: quiet)
        ).run()
        if json {
            try Terminal.writeJSON(report)
        } else {
            try Terminal.write("\(Quantity.count(report.tilesStored, "tile")) of \(Quantity.count(report.scenesIngested, "scene")) "
                + "in \(out), \(Quantity.duration(report.seconds))")
            if report.scenesDuplicate > 0 { try Terminal.write("  left out  \(Quantity.count(report.scenesDuplicate, "scene")) (same bytes as another)") }
            for (reason, count) in report.tilesSkipped.sorted(by: { $0.key < $1.key }) {
                try Terminal.write("  left out  \(Quantity.count(count)) (\(reason))")
            }
        }
        try Terminal.report(report.failures)
    }
}

extension Terminal {
    /// Names the scenes that failed, and ends with the status that says so.
    static func report(_ failures: [IngestReport.Failure]) throws {
        for failure in failures { writeError("failed: \(failure.path): \(failure.reason)\n") }
        if !failures.isEmpty { throw ExitStatus.someScenesFailed }
    }
}
