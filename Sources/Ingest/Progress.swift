import Foundation
import Synchronization

/// What a long step has done so far. Tiles are the unit that rate and remaining time are told in.
public struct ProgressSnapshot: Sendable, Equatable {
    /// What is being done, as a participle: "ingesting", "cutting".
    public var activity: String
    /// Scenes done (ingested, unchanged or failed) of those found.
    public var scenesDone = 0
    public var scenesFound = 0
    public var scenesFailed = 0
    /// Tiles dealt with (stored, skipped or already there) of those that the opened scenes have.
    public var tilesDone = 0
    /// Tiles of all scenes; an extrapolation until every scene has been opened.
    public var tilesExpected = 0
    /// Seconds since the start.
    public var elapsed: TimeInterval = 0

    public init(activity: String) {
        self.activity = activity
    }

    /// Tiles per second since the start; 0 before the first tile.
    public var tilesPerSecond: Double {
        elapsed > 0 ? Double(tilesDone) / elapsed : 0
    }

    /// Seconds to go at the rate so far; nil while that cannot be told.
    public var remaining: TimeInterval? {
        guard tilesDone > 0, tilesExpected >= tilesDone else { return nil }
        return Double(tilesExpected - tilesDone) / tilesPerSecond
    }
}

/// Shows progress to somebody: a line that is redrawn on a terminal, log lines elsewhere, nothing in a test.
public protocol ProgressDisplay: Sendable {
    /// Seconds between two calls of `show`.
    var interval: TimeInterval { get }
    func show(_ snapshot: ProgressSnapshot)
    /// A step that is not counted in tiles; the empty text is its end.
    func show(_ step: String)
    /// The step is over; called once, after the last `show`.
    func finish(_ snapshot: ProgressSnapshot)
}

/// Counts what the stages have done, and shows it at the display's own pace.
final class ProgressMeter: Sendable {
    private struct State {
        var snapshot: ProgressSnapshot
        var scenesOpened = 0
        var tilesOfOpenedScenes = 0
        var isOver = false
    }

    private let state: Mutex<State>
    private let started = Date()
    private let display: (any ProgressDisplay)?

    init(activity: String, display: (any ProgressDisplay)?) {
        state = Mutex(State(snapshot: ProgressSnapshot(activity: activity)))
        self.display = display
        guard let display else { return }
        let thread = Thread { [self] in
            while true {
                Thread.sleep(forTimeInterval: display.interval)
                // Shown under the lock, so that no line is drawn after `finish` has cleared it.
                let isOver = state.withLock { state in
                    if !state.isOver { display.show(current(&state)) }
                    return state.isOver
                }
                if isOver { return }
            }
        }
        thread.name = "progress"
        thread.start()
    }

    func found(scenes: Int) {
        state.withLock { $0.snapshot.scenesFound += scenes }
    }

    func opened(tiles: Int) {
        state.withLock {
            $0.scenesOpened += 1
            $0.tilesOfOpenedScenes += tiles
        }
    }

    func did(tiles: Int) {
        state.withLock { $0.snapshot.tilesDone += tiles }
    }

    func sceneDone(failed: Bool = false) {
        state.withLock {
            $0.snapshot.scenesDone += 1
            if failed { $0.snapshot.scenesFailed += 1 }
        }
    }

    @discardableResult
    func finish() -> ProgressSnapshot {
        state.withLock { state in
            state.isOver = true
            let snapshot = current(&state)
            display?.finish(snapshot)
            return snapshot
        }
    }

    private func current(_ state: inout State) -> ProgressSnapshot {
        state.snapshot.elapsed = Date().timeIntervalSince(started)
        // Scenes that turned out unchanged or failed before they were opened have no tiles to expect.
        let withoutTiles = max(0, state.snapshot.scenesDone - state.scenesOpened)
        let unopened = max(0, state.snapshot.scenesFound - state.scenesOpened - withoutTiles)
        let mean = state.scenesOpened > 0 ? Double(state.tilesOfOpenedScenes) / Double(state.scenesOpened) : 0
        state.snapshot.tilesExpected = state.tilesOfOpenedScenes + Int(mean * Double(unopened))
        return state.snapshot
    }
}
