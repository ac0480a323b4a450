import TileStore
import Tiling

/// One file to go through with one way of cutting.
public struct SceneTask: Sendable {
    /// Its number in this flow.
    public var index: Int
    public var path: String
    public var stamp: SceneStamp
    public var tiling: TilingOptions
    /// The run that its tiles belong to, with the id of `tiling`.
    public var run: Run
    /// Bytes that the file must hold; nil: any.
    public var expectedSHA256: String?

    public init(index: Int, path: String, stamp: SceneStamp, tiling: TilingOptions, run: Run, expectedSHA256: String? = nil) {
        self.index = index
        self.path = path
        self.stamp = stamp
        self.tiling = tiling
        self.run = run
        self.expectedSHA256 = expectedSHA256
    }
}

/// What became of a task.
public enum SceneOutcome: Sendable, Equatable {
    case ingested
    /// Its bytes are in the store already, under this run's model and tiling.
    case unchanged
    /// The same, and another task of this flow met them before.
    case duplicate
    /// Another task of the same bytes is under way in this flow.
    case underWay
    case failed(stage: String, reason: String)
}

/// Where a flow's scenes come from, and who hears what became of them. Called on the flow's threads, each with its own
/// session of the store.
public protocol SceneSource: Sendable {
    /// The next scene; waits where there may be one later; nil when there are no more. Called by the scanning thread.
    func next(_ store: TileStore) throws -> SceneTask?
    /// A scene is about to be opened.
    /// - Returns: false where it has become another's: it is passed over.
    func opens(_ task: SceneTask, _ store: TileStore) throws -> Bool
    /// A scene that was opened waits for a cutter, behind other scenes. Called by the scanning thread.
    func waits(_ task: SceneTask)
    /// Its turn has come. Called by a cutting thread.
    func goesOn(_ task: SceneTask)
    /// A scene is through.
    /// - Returns: false where it has become another's meanwhile: nothing of it may be taken back.
    func ended(_ task: SceneTask, _ outcome: SceneOutcome, _ store: TileStore) throws -> Bool
    /// A stage has failed: no scene under way will end, and `next` waits for none. Called on any thread.
    func cancel()
}

/// The scenes of a discovery, in order, all this process's own.
final class DiscoveredScenes: SceneSource {
    private let tasks: [SceneTask]
    private let position = Counter()

    init(_ candidates: [SceneDiscovery.Candidate], tiling: TilingOptions, run: Run) {
        tasks = candidates.enumerated().map {
            SceneTask(index: $0.offset, path: $0.element.path, stamp: $0.element.stamp, tiling: tiling, run: run)
        }
    }

    func next(_ store: TileStore) -> SceneTask? {
        let index = position.next()
        return index < tasks.count ? tasks[index] : nil
    }

    func opens(_ task: SceneTask, _ store: TileStore) -> Bool { true }
    func waits(_ task: SceneTask) {}
    func goesOn(_ task: SceneTask) {}
    func ended(_ task: SceneTask, _ outcome: SceneOutcome, _ store: TileStore) -> Bool { true }
    func cancel() {}
}
