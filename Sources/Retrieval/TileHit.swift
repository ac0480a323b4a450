import Foundation
import TileGrid

/// One tile of an answer, with what people want to know of it.
public struct TileHit: Sendable, Codable, Hashable {
    /// From 1, the nearest.
    public var rank: Int
    public var tile: TileID
    /// Cosine distance to the query, 0 to 2.
    public var distance: Double
    public var collection: String
    /// Path of the scene that it was cut from.
    public var scene: String
    public var acquired: Date?
    public var validFraction: Double
    /// nil where no band tells.
    public var cloudFraction: Double?
    /// Of its centre, in degrees.
    public var longitude: Double
    public var latitude: Double
    /// Outline as a GeoJSON geometry.
    public var footprint: String

    public init(
        rank: Int, tile: TileID, distance: Double, collection: String, scene: String, acquired: Date?,
        validFraction: Double, cloudFraction: Double?, longitude: Double, latitude: Double, footprint: String
    ) {
        self.rank = rank
        self.tile = tile
        self.distance = distance
        self.collection = collection
        self.scene = scene
        self.acquired = acquired
        self.validFraction = validFraction
        self.cloudFraction = cloudFraction
        self.longitude = longitude
        self.latitude = latitude
        self.footprint = footprint
    }

    /// "2020-08-31", in UTC.
    public var date: String? {
        acquired.map { String($0.ISO8601Format().prefix(10)) }
    }
}
