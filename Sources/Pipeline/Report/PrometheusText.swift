import Foundation

/// The last run's figures for node_exporter's textfile collector (Prometheus text format, version 0.0.4).
struct PrometheusText {
    let report: NightlyReport

    var text: String {
        let label = "pipeline=\"\(Self.escaped(report.pipeline))\""
        var lines: [String] = []
        func gauge(_ name: String, _ help: String, _ samples: [(labels: String, value: Double)]) {
            lines.append("# HELP tilescout_\(name) \(help)")
            lines.append("# TYPE tilescout_\(name) gauge")
            for sample in samples {
                let value = sample.value == sample.value.rounded() && abs(sample.value) < 1e15 ? String(Int(sample.value)) : String(sample.value)
                lines.append("tilescout_\(name){\(label)\(sample.labels.isEmpty ? "" : "," + sample.labels)} \(value)")
            }
        }
        let end = report.started.addingTimeInterval(report.seconds).timeIntervalSince1970
        gauge("run_end_timestamp_seconds", "When the last run ended.", [("", end.rounded())])
        gauge("run_duration_seconds", "How long the last run took.", [("", report.seconds)])
        let isGood = [.published, .ready, .shardDone].contains(report.outcome)
        gauge("run_published", "1 where the last run's result is visible or waits to be published, 0 where it was refused, cut short or not begun.", [("", isGood ? 1 : 0)])
        let scenes = report.scenes
        gauge("run_scenes", "Scenes of the last run by outcome.", [
            ("ingested", scenes.ingested), ("unchanged", scenes.unchanged), ("known", scenes.known), ("failed", scenes.failed),
            ("set_aside", scenes.setAside), ("open", scenes.open), ("removed", scenes.removed),
        ].map { ("outcome=\"\($0.0)\"", Double($0.1)) })
        gauge("run_tiles", "Tiles of the last run by outcome.", [
            ("stored", report.tiles.stored), ("already_there", report.tiles.alreadyThere),
            ("skipped", report.tiles.skipped.values.reduce(0, +)),
        ].map { ("outcome=\"\($0.0)\"", Double($0.1)) })
        gauge("run_step_seconds", "Seconds of each step of the last run.", report.steps.map { ("step=\"\(Self.escaped($0.name))\"", $0.seconds) })
        return lines.joined(separator: "\n") + "\n"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
