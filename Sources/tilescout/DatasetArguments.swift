import ArgumentParser
import Foundation
import Retrieval
import TileGrid
import TileStore
import Training

/// Labelled images: a folder of class folders, or labelled places over tiles that are ingested.
struct DatasetArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "A folder of class folders; or labelled places over ingested tiles: CSV with lon, lat and class, or GeoJSON points and polygons.",
            valueName: "dataset"))
    var path: String

    @Option(help: "Labelled places: only tiles of this collection; may be repeated.")
    var collection: [String] = []

    @Option(help: "Labelled places: the column or property that names the class. (default: class or label)")
    var labelField: String?

    @Flag(help: "Labelled places: leave out those that lie in no tile.")
    var ignoreOutside = false

    @OptionGroup(title: "Database, for labelled places") var database: DatabaseArguments

    /// The tiles of labelled places; nil where the data set is a folder.
    func labelledTiles() throws -> LabelledTiles? {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        guard LabelReader.reads(path), !(exists && isFolder.boolValue) else { return nil }
        let tiles = try LabelledTiles(
            LabelReader(path: path, field: labelField).places(), from: path, in: database.store(),
            collections: collection.isEmpty ? nil : collection, ignoresOutside: ignoreOutside)
        if tiles.outside > 0 { Terminal.warn("\(Quantity.count(tiles.outside, "label")) left out: they lie in no tile") }
        if tiles.ambiguous > 0 { Terminal.warn("\(Quantity.count(tiles.ambiguous, "tile")) left out: they have labels of several classes") }
        return tiles
    }

    /// - Throws: `TrainingError`, `LabelledPlaceError`, and those of the database.
    func images() throws -> ImageDataset {
        guard let tiles = try labelledTiles() else { return try ImageDataset(folder: path) }
        return dataset(tiles, try tiles.images())
    }

    /// - Parameter images: of the tiles in their order; none where only names matter.
    func dataset(_ tiles: LabelledTiles, _ images: [TileImage] = []) -> ImageDataset {
        ImageDataset(name: path, items: tiles.items.map { ($0.className, "\($0.tile.tileID)") }, images: images)
    }
}
