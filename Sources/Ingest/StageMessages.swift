import TileGrid
import TileStore
import Tiling

/// A scene that is to be cut: it is new, or its last ingest was cut short.
struct ScannedScene: Sendable {
    /// Its number in this run.
    var index: Int
    var path: String
    var info: SceneInfo
    /// Tiles of it that are stored already, under this run's model.
    var alreadyStored: Set<TileID>
}

/// A tile on its way to an encoder.
struct CutMessage: Sendable {
    var scene: Int
    var tile: CutTile
}

/// A tile on its way to the store; its pixels have done their duty.
struct EmbeddedTile: Sendable {
    var scene: Int
    var tile: CutTile
    var embedding: [Float]
}

/// What the store stage is told, in this order for each scene: opened, then tiles and its end in any order.
enum StoreMessage: Sendable {
    case opened(ScannedScene)
    case tiles([EmbeddedTile])
    case finished(scene: Int, SceneLedger.CutSummary)
    case failed(scene: Int, path: String, stage: String, reason: String)
}
