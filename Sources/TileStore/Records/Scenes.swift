import Foundation
import PostgreSQL
import TileGrid

/// A file as `stat` shows it.
public struct SceneFile: Hashable, Sendable {
    public var path: String
    public var size: Int
    /// Nanoseconds of the Unix epoch.
    public var modifiedNanoseconds: Int

    public init(path: String, size: Int, modifiedNanoseconds: Int) {
        self.path = path
        self.size = size
        self.modifiedNanoseconds = modifiedNanoseconds
    }
}

public enum SceneStatus: Hashable, Sendable {
    /// Not known by what was asked with: read it.
    case unknown
    /// Known, but this run's tiling and model have not been through it.
    case known(sceneID: Int)
    /// Nothing is left to do.
    case complete(sceneID: Int)
}

/// Everything about a scene that is kept.
public struct SceneRecord: Hashable, Sendable {
    public struct Acquisition: Hashable, Sendable {
        public var at: Date
        /// What told it: `TIFFTAG_DATETIME`, `STAC`, `file name`.
        public var source: String

        public init(at: Date, source: String) {
            self.at = at
            self.source = source
        }
    }

    public var file: SceneFile
    /// Of the file's bytes, lower-case hexadecimal.
    public var sha256: String
    public var driver: String
    public var width, height: Int
    public var bandDescriptions: [String]
    public var bandCount: Int
    public var dataType: String
    public var nodata: Double?
    public var crsName: String
    public var crsWKT: String
    public var geoTransform: GeoTransform
    /// Metres per pixel.
    public var groundSampleDistance: Double?
    public var acquisition: Acquisition?
    public var footprint: Footprint
    /// The stretch as applied, a JSON object.
    public var stretch: String

    public init(
        file: SceneFile, sha256: String, driver: String, width: Int, height: Int, bandCount: Int, bandDescriptions: [String], dataType: String,
        nodata: Double?, crsName: String, crsWKT: String, geoTransform: GeoTransform, groundSampleDistance: Double?,
        acquisition: Acquisition?, footprint: Footprint, stretch: String = "{}"
    ) {
        self.file = file
        self.sha256 = sha256
        self.driver = driver
        self.width = width
        self.height = height
        self.bandCount = bandCount
        self.bandDescriptions = bandDescriptions
        self.dataType = dataType
        self.nodata = nodata
        self.crsName = crsName
        self.crsWKT = crsWKT
        self.geoTransform = geoTransform
        self.groundSampleDistance = groundSampleDistance
        self.acquisition = acquisition
        self.footprint = footprint
        self.stretch = stretch
    }
}

/// A row of `tilescout.scenes`.
public struct SceneListing: Hashable, Sendable {
    public let id: Int
    public let collection, path, sha256: String
    public let acquiredAt: Date?
    public let acquiredSource: String?
    public let driver: String
    public let width, height, bandCount: Int
    public let dataType, crsName: String
    public let groundSampleDistance: Double?
    public let tiles: Int
    public let runID: Int

    static let columns = """
        id, collection, path, sha256, acquired_at, acquired_source, driver, width, height, band_count, data_type, crs_name, \
        ground_sample_distance, tiles, run_id
        """

    init(_ row: Row) throws {
        id = try row["id"]
        collection = try row["collection"]
        path = try row["path"]
        sha256 = try row["sha256"]
        acquiredAt = try row["acquired_at"]
        acquiredSource = try row["acquired_source"]
        driver = try row["driver"]
        width = try row["width"]
        height = try row["height"]
        bandCount = try row["band_count"]
        dataType = try row["data_type"]
        crsName = try row["crs_name"]
        groundSampleDistance = try row["ground_sample_distance"]
        tiles = try row["tiles"]
        runID = try row["run_id"]
    }
}
