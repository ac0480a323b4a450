import Pipeline

/// The report of a pipeline's run, as a few lines for a person or a journal.
struct NightlySummary {
    private let report: NightlyReport
    private static let failuresShown = 10

    init(_ report: NightlyReport) {
        self.report = report
    }

    var text: String {
        let (scenes, tiles) = (report.scenes, report.tiles)
        if report.outcome == .shardDone { return "pipeline \(report.pipeline), run \(report.run): this share is done, others are not yet" }
        var lines = [
            "pipeline \(report.pipeline), run \(report.run): \(report.outcome.rawValue)",
            "  scenes  \(Quantity.count(scenes.seen)) seen: \(scenes.ingested) ingested, \(scenes.unchanged) unchanged, \(scenes.known) known, "
                + "\(scenes.failed) failed, \(scenes.setAside) set aside; \(scenes.removed) gone",
            "  tiles   \(Quantity.count(tiles.stored)) stored, \(Quantity.count(tiles.alreadyThere)) already there"
                + tiles.skipped.sorted { $0.key < $1.key }.map { ", \(Quantity.count($0.value)) left out (\($0.key))" }.joined(),
            "  time    \(Quantity.duration(report.seconds)): "
                + report.steps.map { "\($0.name) \(Quantity.duration($0.seconds))" }.joined(separator: ", "),
        ]
        lines += report.failures.prefix(Self.failuresShown).map { "  failed  \($0.path): \($0.reason)" }
        if report.failures.count > Self.failuresShown { lines.append("          and \(report.failures.count - Self.failuresShown) more: tilescout failures") }
        return (lines + report.notes.map { "  note    \($0)" }).joined(separator: "\n")
    }
}
