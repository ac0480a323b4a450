import Foundation
import TileGrid

/// What is known of a scene before a tile is cut.
public struct SceneInfo: Hashable, Sendable {
    public var path: String
    public var fingerprint: SceneFingerprint
    /// GDAL's short name, such as `GTiff`.
    public var driver: String
    /// Size of the file's own raster in pixels.
    public var width: Int
    public var height: Int
    public var bandCount: Int
    /// GDAL's name of the image bands' sample type (`Byte`, `UInt16`, `Float32` …).
    public var dataType: String
    /// Of every band, empty where it has none.
    public var bandDescriptions: [String]
    /// The value that marks missing samples, of the first image band.
    public var noData: Double?
    /// The file's own coordinate system; for scenes placed by ground control points, that of the points.
    public var crsName: String
    public var crsWKT: String
    /// The file's own; nil for scenes placed by ground control points or RPCs.
    public var geoTransform: GeoTransform?
    /// What tiles are cut from.
    public var grid: SceneGrid
    /// Side of one of the file's pixels on the ground, in metres, in the middle of the scene.
    public var groundSampleDistance: Double
    public var acquired: Acquisition?
    /// The outline of the whole grid.
    public var footprint: Footprint
    /// Band numbers of the image: one (grey or palette) or three (red, green, blue).
    public var imageBands: [Int]
    public var stretch: ResolvedStretch
}
