import TileGrid
import TileStore
import Tiling

/// Tiles with the classes of the places that lie in them.
public struct LabelledTiles: Sendable {
    public struct Item: Sendable {
        public let tile: TileRecord
        public let className: String
    }

    /// By class, then by tile.
    public let items: [Item]
    /// Tiles that places of different classes lie in: left out.
    public let ambiguous: Int
    /// Labels that no tile has: left out.
    public let outside: Int
    /// Pairs of items' positions that show some of the same ground.
    public let overlaps: [(Int, Int)]
    private let source: String

    /// Finds the tiles; reads no picture.
    ///
    /// - Parameters:
    ///   - source: what to call the labels in an error.
    ///   - ignoresOutside: labels in no tile are left out, not refused.
    /// - Throws: `LabelledPlaceError` for a label in no tile; `PostgreSQLError`.
    public init(
        _ places: [LabelledPlace], from source: String, in store: TileStore, collections: [String]? = nil, ignoresOutside: Bool = false
    ) throws {
        let found = try store.labelledTiles(places.map(\.geometry), collections: collections)
        let hit = Set(found.map(\.place))
        let missed = places.indices.filter { !hit.contains($0) }
        if let first = missed.first, !ignoresOutside {
            throw LabelledPlaceError(
                source,
                "\(places[first].description) lies in no tile" + (collections.map { " of \($0.joined(separator: ", "))" } ?? "")
                    + (missed.count > 1 ? ", nor do \(missed.count - 1) others" : "") + "; --ignore-outside leaves such labels out")
        }
        outside = missed.count
        var classes: [TileID: Set<String>] = [:], records: [TileID: TileRecord] = [:]
        for (place, tile) in found {
            classes[tile.tileID, default: []].insert(places[place].className)
            records[tile.tileID] = tile
        }
        let sure = classes.filter { $0.value.count == 1 }
        ambiguous = classes.count - sure.count
        items = sure.map { Item(tile: records[$0]!, className: $1.first!) }
            .sorted { ($0.className, $0.tile.tileID) < ($1.className, $1.tile.tileID) }
        self.source = source
        guard !items.isEmpty else { throw LabelledPlaceError(source, "no tile has a label of one class") }
        let positions = Dictionary(uniqueKeysWithValues: items.enumerated().map { ($1.tile.tileID, $0) })
        overlaps = try store.overlappingTiles(items.map(\.tile.tileID)).map { (positions[$0]!, positions[$1]!) }
    }

    /// The items' pictures in their order, read back from the scenes as the encoder saw them.
    /// - Throws: `LabelledPlaceError` for a scene that is gone or has changed.
    public func images() throws -> [TileImage] {
        // Scene by scene: each is opened once.
        let order = items.indices.sorted {
            let (a, b) = (items[$0].tile, items[$1].tile)
            return (a.scenePath, a.tiling, a.window.y, a.window.x) < (b.scenePath, b.tiling, b.window.y, b.window.x)
        }
        let pictures = TilePictures()
        var images: [Int: TileImage] = [:]
        for index in order {
            let tile = items[index].tile
            switch pictures.picture(of: tile) {
            case .image(let image): images[index] = image
            case .missing(let reason): throw LabelledPlaceError(source, "tile \(tile.tileID) of \(tile.scenePath): \(reason)")
            }
        }
        return items.indices.map { images[$0]! }
    }

    /// A block of ground for each item: so many tiles wide and high, counted in the scenes' coordinate systems.
    public func blocks(ofTiles width: Int) -> [String] {
        items.map { item in
            let tile = item.tile, transform = tile.geoTransform
            let (x, y) = transform.apply(Double(tile.window.width) / 2, Double(tile.window.height) / 2)
            let corner = transform.apply(0, 0)
            // From the corner to the middle is half a tile.
            let extent = 2 * max(abs(x - corner.x), abs(y - corner.y)) * Double(width)
            return "\(tile.crs) \(Int((x / extent).rounded(.down))) \(Int((y / extent).rounded(.down)))"
        }
    }
}
