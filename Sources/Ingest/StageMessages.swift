import TileGrid
import TileStore
import Tiling

/// A scene that is to be cut: it is new, or its last ingest was cut short.
struct ScannedScene: Sendable {
    var task: SceneTask
    var info: SceneInfo
    /// Tiles of it that are stored already, under this run's model.
    var alreadyStored: Set<TileID>
}

/// A tile on its way to an encoder.
struct CutMessage: Sendable {
    var scene: Int
    var tile: CutTile
}

/// A tile on its way to the store. Its pixels are not in it: hundreds of these wait for one merge.
struct EmbeddedTile: Sendable {
    var scene: Int
    var id: TileID
    var window: PixelWindow
    var geoTransform: GeoTransform
    var footprint: Footprint
    var validFraction: Float
    var cloudFraction: Float?
    var embedding: [Float]

    init(_ message: CutMessage, embedding: [Float]) {
        scene = message.scene
        id = message.tile.id
        window = message.tile.window
        geoTransform = message.tile.geoTransform
        footprint = message.tile.footprint
        validFraction = message.tile.validFraction
        cloudFraction = message.tile.cloudFraction
        self.embedding = embedding
    }
}

/// What the store stage is told, in this order for each scene: opened, then tiles and its end in any order.
enum StoreMessage: Sendable {
    case opened(ScannedScene)
    case tiles([EmbeddedTile])
    case finished(scene: Int, SceneLedger.CutSummary)
    case failed(SceneTask, stage: String, reason: String)
}
