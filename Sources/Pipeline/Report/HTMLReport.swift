import Foundation

/// A run's report as one HTML page: styles, map and pictures inside it, no script, nothing fetched.
struct HTMLReport {
    struct Tile {
        var caption: String
        var png: Data
    }

    let report: NightlyReport
    /// The map, SVG.
    let map: String
    let tiles: [Tile]

    /// Failures on the page; the JSON has all.
    private static let failuresShown = 500

    var text: String {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>\(Self.escaped(report.pipeline)), \(runText)</title><style>\(Self.style)</style></head><body>
        <header><h1>\(Self.escaped(report.pipeline)) <span class="\(report.outcome.rawValue)">\(report.outcome.rawValue)</span></h1>
        <p>\(runText) of collection \(Self.escaped(report.collection)), model \(Self.escaped(report.model)), began \(report.started.ISO8601Format()), \
        took \(Self.duration(report.seconds))\(report.attempts > 1 ? ", attempt \(report.attempts)" : "")</p>
        \(report.reason.map { "<p class=\"reason\">\(Self.escaped($0))</p>" } ?? "")</header>
        <section><h2>Scenes</h2>\(table(sceneRows))<p>\(sum(sceneParts, report.scenes.seen, "seen"))</p></section>
        <section><h2>Tiles</h2>\(table(tileRows))<p>\(sum(tileParts, report.tiles.seen, "seen"))</p></section>
        <section class="wide"><h2>Where</h2>\(map)</section>
        \(tiles.isEmpty ? "" : "<section class=\"wide\"><h2>A few of the new tiles</h2><div class=\"tiles\">\(tiles.map(figure).joined())</div></section>")
        <section class="wide"><h2>Time</h2>\(timeLine)\(rates)</section>
        <section class="wide"><h2>Failures</h2>\(failures)</section>
        \(report.notes.isEmpty ? "" : "<section class=\"wide\"><h2>Notes</h2><ul>\(report.notes.map { "<li>\(Self.escaped($0))</li>" }.joined())</ul></section>")
        <footer>tilescout \(Self.escaped(report.version)) on \(Self.escaped(report.host))</footer></body></html>
        """
    }

    private var runText: String { report.run > 0 ? "run \(report.run)" : "a run that did not begin" }

    private var sceneParts: [(String, Int)] {
        let scenes = report.scenes
        return [("ingested", scenes.ingested), ("unchanged", scenes.unchanged), ("known bytes", scenes.known), ("failed", scenes.failed), ("set aside", scenes.setAside)]
            + (scenes.open > 0 ? [("not gone through", scenes.open)] : [])
    }

    private var sceneRows: [(String, Int)] {
        sceneParts + [("new files", report.scenes.new), ("changed files", report.scenes.changed), ("files gone", report.scenes.removed), ("scenes retired", report.scenes.retired)]
    }

    private var tileParts: [(String, Int)] {
        [("stored", report.tiles.stored), ("already there", report.tiles.alreadyThere)]
            + report.tiles.skipped.sorted { $0.key < $1.key }.map { ("left out: \($0.key)", $0.value) }
    }

    private var tileRows: [(String, Int)] { tileParts + [("encoded", report.tilesEncoded)] }

    private func table(_ rows: [(String, Int)]) -> String {
        "<table>" + rows.map { "<tr><th>\(Self.escaped($0.0))</th><td>\(Self.grouped($0.1))</td></tr>" }.joined() + "</table>"
    }

    /// The equation that the counts must satisfy, and whether they do.
    private func sum(_ parts: [(String, Int)], _ whole: Int, _ word: String) -> String {
        let total = parts.reduce(0) { $0 + $1.1 }
        let terms = parts.map { Self.grouped($0.1) }.joined(separator: " + ")
        return total == whole ? "\(terms) = \(Self.grouped(whole)) \(word)" : "\(terms) = \(Self.grouped(total)) ≠ \(Self.grouped(whole)) \(word)"
    }

    private func figure(_ tile: Tile) -> String {
        "<figure><img alt=\"\" src=\"data:image/png;base64,\(tile.png.base64EncodedString())\"><figcaption>\(Self.escaped(tile.caption))</figcaption></figure>"
    }

    private var timeLine: String {
        let whole = max(report.seconds, 1e-3)
        return "<div class=\"line\">" + report.steps.map { step in
            let left = max(0, step.started.timeIntervalSince(report.started)) / whole * 100
            let width = max(0.3, step.seconds / whole * 100)
            return "<div><span>\(Self.escaped(step.name)), \(Self.duration(step.seconds))</span>"
                + "<i style=\"margin-left:\(String(format: "%.2f", min(left, 99.7)))%;width:\(String(format: "%.2f", min(width, 100 - min(left, 99.7))))%\"></i></div>"
        }.joined() + "</div>"
    }

    private var rates: String {
        guard !report.workers.isEmpty else { return "" }
        let rows = report.workers.map { worker in
            let seconds = max(worker.ended.timeIntervalSince(worker.started), 1e-3)
            let busy = worker.busySeconds.sorted { $0.key < $1.key }.map { "\($0.key) \(Self.duration($0.value))" }.joined(separator: ", ")
            return "<tr><td>\(Self.escaped(worker.name))</td><td>\(worker.scenes)</td><td>\(worker.tilesEncoded)</td>"
                + "<td>\(String(format: "%.1f", Double(worker.tilesEncoded) / seconds))</td><td>\(Self.escaped(busy))</td></tr>"
        }
        return "<table class=\"list\"><tr><th>worker</th><th>scenes</th><th>tiles encoded</th><th>tiles/s</th><th>busy</th></tr>\(rows.joined())</table>"
    }

    private var failures: String {
        guard !report.failures.isEmpty else { return "<p>None.</p>" }
        let rows = report.failures.prefix(Self.failuresShown).map {
            "<tr><td>\(Self.escaped($0.path))</td><td>\(Self.escaped($0.stage))</td><td>\(Self.escaped($0.reason))</td></tr>"
        }
        let more = report.failures.count - Self.failuresShown
        return "<table class=\"list failures\"><tr><th>file</th><th>stage</th><th>reason</th></tr>\(rows.joined())</table>" + (more > 0 ? "<p>and \(more) more, in the JSON</p>" : "")
    }

    private static func grouped(_ count: Int) -> String { count.formatted(.number.locale(Locale(identifier: "en_US"))) }

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
    }

    private static func duration(_ seconds: Double) -> String {
        if seconds < 60 { return String(format: "%.1f s", seconds) }
        return seconds < 3600 ? "\(Int(seconds) / 60) min \(Int(seconds) % 60) s" : "\(Int(seconds) / 3600) h \(Int(seconds) % 3600 / 60) min"
    }

    private static let style = """
        :root{color-scheme:light dark;--line:#8884;--accent:#1a7f5a}body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:0 auto;padding:1.5rem;\
        display:grid;grid-template-columns:1fr 1fr;gap:0 2rem}header,.wide,footer{grid-column:1/-1}h1 span{font-size:.9rem;padding:.1em .6em;border-radius:1em;\
        background:var(--accent);color:#fff;vertical-align:middle}h1 .refused,h1 .interrupted,h1 .failed{background:#b3261e}h2{font-size:1.05rem}table{border-collapse:collapse}\
        th{text-align:left;font-weight:400;padding-right:1.5em}td{text-align:right;font-variant-numeric:tabular-nums}.list{width:100%}\
        .list td,.list th{text-align:left;border-top:1px solid var(--line);padding:.25em .6em .25em 0;vertical-align:top}.list td{overflow-wrap:break-word}.failures td:first-child{overflow-wrap:anywhere}.failures td:nth-child(2){white-space:nowrap}\
        .reason{color:#b3261e;font-weight:600}svg{width:100%;border:1px solid var(--line)}.grid{stroke:#8886;fill:none}.label{fill:#888}\
        .scene{fill:#1a7f5a55;stroke:#1a7f5a}.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:1rem}figure{margin:0}\
        img{width:100%;image-rendering:auto}figcaption{font-size:.75rem;overflow-wrap:anywhere}.line div{margin:.2rem 0}.line i{display:block;height:.6rem;\
        background:var(--accent)}.line span{font-size:.85rem}footer{color:#888;margin-top:2rem}
        """
}
