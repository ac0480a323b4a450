import TileGrid

/// The pixels that tiles are cut from: the scene's own, or a common grid that it is warped to.
public struct SceneGrid: Hashable, Sendable, Codable {
    /// Enters tile identities: `scene`, or the common grid with its zone and resolution (`utm:EPSG:32633:10.0`), and with its step
    /// where tiles overlap (`utm:EPSG:32633:10.0:step 192`).
    public var canonicalText: String
    public var crsName: String
    /// `EPSG:32633` where the system says which it is.
    public var crsCode: String?
    /// WKT 2.
    public var crsWKT: String
    public var geoTransform: GeoTransform
    public var width: Int
    public var height: Int
}
