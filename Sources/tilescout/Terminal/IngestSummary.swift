import Ingest

/// The report of an ingest, as a few lines for a person.
struct IngestSummary {
    private let report: IngestReport
    private let collection: String
    /// Failures named here; `tilescout failures` has all.
    private static let failuresShown = 10

    init(_ report: IngestReport, collection: String) {
        self.report = report
        self.collection = collection
    }

    var text: String {
        var scenes = ["\(report.scenesIngested) ingested"]
        if report.scenesUnchanged > 0 { scenes.append("\(report.scenesUnchanged) unchanged") }
        if report.scenesDuplicate > 0 { scenes.append("\(report.scenesDuplicate) duplicate") }
        if report.scenesFailed > 0 { scenes.append("\(report.scenesFailed) failed") }
        var tiles = ["\(Quantity.count(report.tilesStored)) stored"]
        if report.tilesAlreadyStored > 0 { tiles.append("\(Quantity.count(report.tilesAlreadyStored)) already there") }
        for (reason, count) in report.tilesSkipped.sorted(by: { $0.key < $1.key }) {
            tiles.append("\(Quantity.count(count)) left out (\(reason))")
        }
        var lines = [
            "collection “\(collection)”, run \(report.runID)" + (report.resumed ? " (continued)" : ""),
            "  scenes  \(Quantity.count(report.scenesFound)) found: " + scenes.joined(separator: ", "),
            "  tiles   " + tiles.joined(separator: ", "),
        ]
        var time = "  time    \(Quantity.duration(report.seconds))"
        if report.tilesEncoded > 0 { time += ", \(Quantity.count(Int(report.tilesPerSecond))) tiles/s" }
        lines.append(time)
        for failure in report.failures.prefix(Self.failuresShown) {
            lines.append("  failed  \(failure.path): \(failure.reason)")
        }
        if report.failures.count > Self.failuresShown {
            lines.append("          and \(report.failures.count - Self.failuresShown) more: tilescout failures")
        }
        return (lines + report.warnings.map { "  note    \($0)" }).joined(separator: "\n")
    }
}
