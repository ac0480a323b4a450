import Foundation
import PostgreSQL
import TileGrid

extension TileStore {
    /// The published tiles of labelled places: those that a point lies in, those that a polygon covers by half.
    ///
    /// Throws ``PostgreSQLError`` for a geometry that cannot be one, and an unknown collection.
    /// - Parameter places: GeoJSON geometries in WGS84 degrees.
    /// - Returns: the place's position in `places`, from 0, and the tile; a tile that lies in two collections once.
    public func labelledTiles(_ places: [String], collections: [String]?) throws -> [(place: Int, tile: TileRecord)] {
        try connection.query(
            """
            SELECT place, \(TileRecord.columns) FROM tilescout.labelled_tiles($1, $2)
            JOIN tilescout.tiles ON id = tile_id AND collection = tile_collection ORDER BY place, id
            """, [places, collections], operation: "look up labelled tiles"
        ).map { (try $0["place"] - 1, try TileRecord($0)) }
    }

    /// Pairs of these tiles that show some of the same ground.
    public func overlappingTiles(_ tiles: [TileID]) throws -> [(TileID, TileID)] {
        try connection.query(
            "SELECT one, other FROM tilescout.overlapping_tiles($1)", [tiles.map(\.uuid)], operation: "look up overlapping tiles"
        ).map { (TileID(try $0["one"] as UUID), TileID(try $0["other"] as UUID)) }
    }
}
