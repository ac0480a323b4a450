import Foundation
import Ingest
import Synchronization

/// One line on standard error that is redrawn, for people at a terminal.
struct TerminalProgress: ProgressDisplay {
    let interval: TimeInterval = 0.25

    func show(_ snapshot: ProgressSnapshot) {
        Terminal.writeError("\r\u{1B}[2K" + ProgressLine(snapshot).text(width: Terminal.columns))
    }

    func show(_ step: String) {
        Terminal.writeError("\r\u{1B}[2K" + step.prefix(max(0, Terminal.columns - 1)))
    }

    func finish(_ snapshot: ProgressSnapshot) {
        Terminal.writeError("\r\u{1B}[2K")
    }
}

/// Plain lines on standard error, for logs: one every ten seconds.
struct LogProgress: ProgressDisplay {
    let interval: TimeInterval = 10

    func show(_ snapshot: ProgressSnapshot) {
        Terminal.writeError(ProgressLine(snapshot).text(width: .max) + "\n")
    }

    func show(_ step: String) {
        if !step.isEmpty { Terminal.writeError(step + "\n") }
    }

    func finish(_ snapshot: ProgressSnapshot) {}
}

/// "ingesting  37 % ▕███▏ 1,204 of ~3,200 tiles · 4 of 12 scenes · 310 tiles/s · 6 s left"
struct ProgressLine {
    private let snapshot: ProgressSnapshot

    init(_ snapshot: ProgressSnapshot) {
        self.snapshot = snapshot
    }

    func text(width: Int) -> String {
        var parts: [String] = []
        let tiles = Quantity.count(snapshot.tilesDone)
        if snapshot.tilesExpected > snapshot.tilesDone {
            let percent = 100 * snapshot.tilesDone / snapshot.tilesExpected
            parts.append("\(snapshot.activity) \(percent) %: \(tiles) of \(Quantity.count(snapshot.tilesExpected)) tiles")
        } else {
            parts.append("\(snapshot.activity): \(tiles) tiles")
        }
        if snapshot.scenesFound > 0 {
            parts.append("\(snapshot.scenesDone) of \(Quantity.count(snapshot.scenesFound)) scenes")
        }
        if snapshot.scenesFailed > 0 { parts.append("\(snapshot.scenesFailed) failed") }
        if snapshot.tilesDone > 0 { parts.append(String(format: "%.0f tiles/s", snapshot.tilesPerSecond)) }
        if let remaining = snapshot.remaining { parts.append("\(Quantity.duration(remaining)) left") }
        let line = parts.joined(separator: " · ")
        return line.count < width ? line : String(line.prefix(max(0, width - 1)))
    }
}

extension Terminal {
    /// The display that suits where standard error goes.
    static func progress(quiet: Bool) -> (any ProgressDisplay)? {
        if quiet { return nil }
        return isInteractive ? TerminalProgress() : LogProgress()
    }
}
