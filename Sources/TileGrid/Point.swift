/// A place in the plane of a coordinate system; in WGS84, `x` is the longitude and `y` the latitude, in degrees.
public struct Point: Hashable, Sendable, Codable {
    public var x: Double
    public var y: Double

    public init(x: Double, y: Double) {
        self.x = x
        self.y = y
    }

    /// False for what a projection could not place (GDAL gives infinities).
    public var isFinite: Bool { x.isFinite && y.isFinite }
}
