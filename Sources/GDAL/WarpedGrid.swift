import CGDAL

/// The grid that a dataset is warped to.
public struct WarpedGrid: Hashable, Sendable {
    /// West, south, east and north edge in the units of the target system.
    public var west, south, east, north: Double
    /// Side of a pixel in the units of the target system.
    public var resolution: Double

    public init(west: Double, south: Double, east: Double, north: Double, resolution: Double) {
        (self.west, self.south, self.east, self.north) = (west, south, east, north)
        self.resolution = resolution
    }
}

extension Dataset {
    /// What tells a warp where pixels lie; rasters may carry several, and some carry a meaningless geotransform too.
    public enum Placement: Hashable, Sendable {
        case geoTransform
        case controlPoints
        /// Rational polynomials, at one height above the ellipsoid in metres for the whole scene.
        case rationalPolynomials(height: Double)
    }

    /// What nodata values say of a pixel of several bands.
    public enum MissingData: Sendable {
        /// It is missing where all bands have theirs; else they are samples as any.
        case inAllBands
        /// Each band by itself: no number where it has its own.
        case inEachBand
    }

    public enum Resampling: String, Sendable { case nearest = "near", bilinear, cubic }

    /// A view of this dataset in another coordinate system, warped block by block while it is read, with an alpha
    /// band last that tells what the source covers. Georeferencing by geotransform, ground control points or RPCs. A last band that
    /// is alpha is taken for the source's own; one that is not last, for a band as any.
    ///
    /// - Parameters:
    ///   - grid: nil lets GDAL choose extent and resolution.
    ///   - missing: `inEachBand` is for floating point.
    public func warped(
        to target: SpatialReference, grid: WarpedGrid?, resampling: Resampling, missing: MissingData = .inAllBands,
        placement: Placement = .geoTransform
    ) throws -> Dataset {
        var arguments = [
            "-of", "VRT", "-t_srs", target.wkt, "-r", resampling.rawValue, "-dstalpha",
            // Approximate the transformation to an eighth of a pixel (gdalwarp's default); warp 64 MB at a time.
            "-et", "0.125", "-wm", "64",
            // Overviews may be of another's making, and no fingerprint knows them.
            "-ovr", "NONE",
        ]
        switch missing {
        case .inAllBands: arguments += ["-wo", "UNIFIED_SRC_NODATA=YES"]
        case .inEachBand: arguments += ["-wo", "INIT_DEST=nan"]
        }
        switch placement {
        case .geoTransform: break
        case .controlPoints: arguments += ["-to", "METHOD=GCP_POLYNOMIAL"]
        case .rationalPolynomials(let height): arguments += ["-rpc", "-to", "RPC_HEIGHT=\(height)"]
        }
        if let grid {
            arguments += ["-te", "\(grid.west)", "\(grid.south)", "\(grid.east)", "\(grid.north)"]
            arguments += ["-tr", "\(grid.resolution)", "\(grid.resolution)"]
        }
        let list = arguments.reduce(nil as UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) {
            CSLAddString($0, $1)
        }
        defer { CSLDestroy(list) }
        CPLErrorReset()
        guard let options = GDALWarpAppOptionsNew(list, nil) else {
            throw GDALError.last("warp", name, otherwise: "GDAL refuses the options")
        }
        defer { GDALWarpAppOptionsFree(options) }
        var sources: [GDALDatasetH?] = [handle]
        var usage: Int32 = 0
        guard let warped = GDALWarp("", nil, 1, &sources, options, &usage) else {
            throw GDALError.last("warp", name, otherwise: "it cannot be brought to \(target.name)")
        }
        return Dataset(owning: warped, name: name, source: self)
    }
}
