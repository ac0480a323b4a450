import CGDAL

/// One open raster. Owns its GDALDatasetH and closes it.
///
/// GDAL allows one thread at a time in a dataset (https://gdal.org/user/multithreading.html), so this is not Sendable:
/// every worker opens its own.
public final class Dataset {
    let handle: GDALDatasetH
    /// The path it was opened with, for messages.
    public let name: String
    /// A virtual dataset reads from this one and must not outlive it.
    private let source: Dataset?

    public enum Access: Sendable { case localOnly, networkAllowed }

    /// Opens a raster for reading.
    ///
    /// - Parameters:
    ///   - access: with `.localOnly`, paths of GDAL's network file systems and URLs are refused.
    ///   - formats: GDAL's short names of the formats that it may have; nil: any.
    /// - Throws: `GDALError`: no such file, not readable, not a raster that GDAL knows, or damaged.
    public convenience init(path: String, access: Access = .localOnly, formats: [String]? = nil) throws {
        GDALRuntime.started
        let operation = "open scene"
        if access == .localOnly, GDALRuntime.isNetworkPath(path) {
            throw GDALError(operation: operation, thing: path, reason: "it lies on the network, which is not allowed")
        }
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw GDALError(operation: operation, thing: "“\(path)”", reason: "not a path")
        }
        CPLErrorReset()
        let flags = UInt32(GDAL_OF_READONLY | GDAL_OF_RASTER | GDAL_OF_VERBOSE_ERROR)
        let allowed = formats.map { $0.reduce(nil as UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) { CSLAddString($0, $1) } } ?? nil
        defer { CSLDestroy(allowed) }
        // A container that cannot open a part says so first, and then only that it failed.
        let (opened, first) = FirstFailure.during {
            UnsafeMutableRawPointer(allowed).map { GDALOpenEx(path, flags, $0.assumingMemoryBound(to: UnsafePointer<CChar>?.self), nil, nil) }
                ?? GDALOpenEx(path, flags, nil, nil, nil)
        }
        guard let handle = opened else {
            throw first.map { GDALError($0, operation, path) }
                ?? GDALError.last(operation, path, otherwise: "not a raster that GDAL knows")
        }
        self.init(owning: handle, name: path)
    }

    /// Takes over a handle that GDAL has just made.
    init(owning handle: GDALDatasetH, name: String, source: Dataset? = nil) {
        self.handle = handle
        self.name = name
        self.source = source
    }

    deinit { GDALClose(handle) }

    public var width: Int { Int(GDALGetRasterXSize(handle)) }
    public var height: Int { Int(GDALGetRasterYSize(handle)) }
    public var bandCount: Int { Int(GDALGetRasterCount(handle)) }

    /// GDAL's short name, such as `GTiff`.
    public var driver: String {
        guard let driver = GDALGetDatasetDriver(handle), let name = GDALGetDriverShortName(driver) else { return "" }
        return String(cString: name)
    }

    /// - Parameter number: from 1, as GDAL counts.
    public func band(_ number: Int) throws -> RasterBand {
        guard (1...max(1, bandCount)).contains(number), let band = GDALGetRasterBand(handle, Int32(number)) else {
            throw GDALError(
                operation: "use band \(number) of", thing: name, reason: "it has \(bandCount) band(s), counted from 1")
        }
        return RasterBand(handle: band, number: number, dataset: self)
    }

    public var bands: [RasterBand] {
        (0..<bandCount).compactMap { try? band($0 + 1) }
    }

    /// The six numbers from pixels to coordinates; nil where the raster states none.
    public var geoTransform: [Double]? {
        var values = [Double](repeating: 0, count: 6)
        return GDALGetGeoTransform(handle, &values) == CE_None ? values : nil
    }

    /// nil where the raster states none.
    public var spatialReference: SpatialReference? {
        GDALGetSpatialRef(handle).flatMap { SpatialReference(copying: $0) }
    }

    /// Ground control points that the raster carries, in place of a geotransform.
    public var groundControlPointCount: Int { Int(GDALGetGCPCount(handle)) }

    /// The system of the ground control points.
    public var groundControlPointReference: SpatialReference? {
        GDALGetGCPSpatialRef(handle).flatMap { SpatialReference(copying: $0) }
    }

    /// Key=value pairs of a metadata domain; nil is the default domain.
    public func metadata(domain: String? = nil) -> [String: String] {
        Self.dictionary(GDALGetMetadata(handle, domain))
    }

    public var metadataDomains: [String] {
        guard let list = GDALGetMetadataDomainList(handle) else { return [] }
        defer { CSLDestroy(list) }
        return Self.strings(list)
    }

    /// Every file that takes part: the raster itself, world files, .aux.xml, .ovr, .msk …
    public var files: [String] {
        guard let list = GDALGetFileList(handle) else { return [] }
        defer { CSLDestroy(list) }
        return Self.strings(list)
    }

    static func strings(_ list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> [String] {
        guard let list else { return [] }
        return (0..<Int(CSLCount(list))).compactMap { list[$0].map { String(cString: $0) } }
    }

    static func dictionary(_ list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> [String: String] {
        var result: [String: String] = [:]
        for entry in strings(list) {
            guard let equals = entry.firstIndex(of: "=") else { continue }
            result[String(entry[..<equals])] = String(entry[entry.index(after: equals)...])
        }
        return result
    }
}
