import TileGrid
import TileStore

/// Which scenes of a run are under way, and when each is complete: a pure state machine, kept by the store stage.
///
/// Tiles of one scene reach the store in several batches, out of order where several encoders run, and its end can be
/// announced before its last tile arrives. A scene is complete when it was announced and as many tiles as announced came.
struct SceneLedger {
    /// What a cutter announces when it is through with a scene.
    struct CutSummary: Sendable, Equatable {
        /// Tiles handed to the encoder.
        var cut: Int
        /// Tiles that were in the store already.
        var alreadyStored: Int
        /// Tiles left out, by reason.
        var skipped: [String: Int]
        /// All of the layout, whatever became of them.
        var tiles: [TileID] = []
    }

    enum Action: Equatable {
        case wait
        case complete(CutSummary)
    }

    private struct Progress {
        var stored = 0
        var summary: CutSummary?
    }

    private var scenes: [Int: Progress] = [:]

    /// Scenes begun and neither complete nor failed.
    var open: [Int] { scenes.keys.sorted() }

    mutating func begin(scene: Int) {
        scenes[scene] = Progress()
    }

    /// Tiles of a scene that failed are not to be stored: its other tiles are being taken back. A scene is begun before its first
    /// tile comes and complete after its last, so that nothing needs to be kept of those that are over: a worker goes on for months.
    func accepts(scene: Int) -> Bool {
        scenes[scene] != nil
    }

    mutating func stored(scene: Int, tiles: Int) -> Action {
        scenes[scene]?.stored += tiles
        return completion(of: scene)
    }

    mutating func announced(scene: Int, summary: CutSummary) -> Action {
        scenes[scene]?.summary = summary
        return completion(of: scene)
    }

    mutating func fail(scene: Int) {
        scenes[scene] = nil
    }

    private mutating func completion(of scene: Int) -> Action {
        guard let progress = scenes[scene], let summary = progress.summary, progress.stored == summary.cut else {
            return .wait
        }
        scenes[scene] = nil
        return .complete(summary)
    }
}
