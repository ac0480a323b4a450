import Foundation
import PostgreSQL
import TileGrid

/// A tile with its embedding, as ``TileStore/merge(_:run:)`` takes it. Time of acquisition and ground sample distance are
/// the scene's, and are taken from there.
public struct TileRow: Sendable {
    public var tileID: TileID
    public var sceneID: Int
    public var window: PixelWindow
    /// `EPSG:32633`, or WKT.
    public var crs: String
    /// Of the window itself.
    public var geoTransform: GeoTransform
    public var footprint: Footprint
    /// 0 to 1.
    public var validFraction: Float
    /// 0 to 1; nil where no band tells.
    public var cloudFraction: Float?
    /// The model's dimension, L2-normalised.
    public var embedding: [Float]

    public init(
        tileID: TileID, sceneID: Int, window: PixelWindow, crs: String, geoTransform: GeoTransform, footprint: Footprint,
        validFraction: Float, cloudFraction: Float?, embedding: [Float]
    ) {
        self.tileID = tileID
        self.sceneID = sceneID
        self.window = window
        self.crs = crs
        self.geoTransform = geoTransform
        self.footprint = footprint
        self.validFraction = validFraction
        self.cloudFraction = cloudFraction
        self.embedding = embedding
    }

    /// The columns of `pg_temp.tile_staging`, in the order that `encode(into:)` writes them.
    static let copyColumns = [
        "tile_id", "scene_id", "x", "y", "width", "height", "crs", "geotransform", "valid_fraction", "cloud_fraction", "footprint", "embedding",
    ]

    /// What copies encoded rows into a table of these columns.
    static func copyStatement(into table: String) -> String { "COPY \(table) (\(copyColumns.joined(separator: ", "))) FROM STDIN (FORMAT binary)" }

    func encode(into copy: inout BinaryCopy) {
        copy.beginRow()
        copy.append(raw: tileID.bytes)
        copy.append(sceneID)
        copy.append(Int32(clamping: window.x))
        copy.append(Int32(clamping: window.y))
        copy.append(Int32(clamping: window.width))
        copy.append(Int32(clamping: window.height))
        copy.append(crs)
        copy.append(geoTransform.coefficients)
        copy.append(validFraction)
        copy.append(cloudFraction)
        copy.append(raw: footprint.ewkb)
        copy.append(halfvec: embedding)
    }
}

/// What became of a batch.
public struct MergeCounts: Hashable, Sendable {
    /// New rows.
    public var inserted: Int
    /// Rows that the database had, or that the batch held twice.
    public var alreadyThere: Int

    public init(inserted: Int = 0, alreadyThere: Int = 0) {
        self.inserted = inserted
        self.alreadyThere = alreadyThere
    }

    public static func += (left: inout MergeCounts, right: MergeCounts) {
        left.inserted += right.inserted
        left.alreadyThere += right.alreadyThere
    }
}

/// A row of `tilescout.tiles`: enough to read the tile back from its scene.
public struct TileRecord: Hashable, Sendable {
    public let tileID: TileID
    public let collection: String
    public let sceneID: Int
    public let scenePath: String
    public let acquiredAt: Date?
    public let window: PixelWindow
    public let crs: String
    public let geoTransform: GeoTransform
    public let validFraction: Double
    public let cloudFraction: Double?
    public let groundSampleDistance: Double?
    /// Canonical text of the options it was cut with.
    public let tiling: String
    /// Outline in WGS84.
    public let footprintGeoJSON: String
    public let runID: Int

    static let columns = """
        id, collection, scene_id, scene_path, acquired_at, x, y, width, height, crs, geotransform, valid_fraction, cloud_fraction, \
        ground_sample_distance, tiling, tilescout.geojson(footprint) AS footprint, run_id
        """

    init(_ row: Row) throws {
        let id: UUID = try row["id"], geotransform: [Double] = try row["geotransform"]
        tileID = TileID(id)
        collection = try row["collection"]
        sceneID = try row["scene_id"]
        scenePath = try row["scene_path"]
        acquiredAt = try row["acquired_at"]
        window = PixelWindow(x: try row["x"], y: try row["y"], width: try row["width"], height: try row["height"])
        crs = try row["crs"]
        geoTransform = GeoTransform(geotransform[0], geotransform[1], geotransform[2], geotransform[3], geotransform[4], geotransform[5])
        validFraction = try row["valid_fraction"]
        cloudFraction = try row["cloud_fraction"]
        groundSampleDistance = try row["ground_sample_distance"]
        tiling = try row["tiling"]
        footprintGeoJSON = try row["footprint"]
        runID = try row["run_id"]
    }
}

extension TileID {
    init(_ uuid: UUID) { self = withUnsafeBytes(of: uuid.uuid) { TileID(bytes: $0) } }

    var uuid: UUID { bytes.withUnsafeBytes { UUID(uuid: $0.loadUnaligned(as: uuid_t.self)) } }
}
