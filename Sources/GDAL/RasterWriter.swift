import CGDAL

/// A raster file while it is being made. Owns the GDALDatasetH; `close()` flushes it and says whether all was written.
public final class RasterWriter {
    private var handle: GDALDatasetH?
    private let path: String

    /// - Parameter options: of the driver, such as `COMPRESS=DEFLATE`, `TILED=YES`, `SPARSE_OK=TRUE`.
    /// - Throws: `GDALError` where the file cannot be made.
    public init(
        path: String, driver: String = "GTiff", width: Int, height: Int, bands: Int, dataType: DataType,
        options: [String] = []
    ) throws {
        GDALRuntime.started
        self.path = path
        let list = options.reduce(nil as UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) { CSLAddString($0, $1) }
        defer { CSLDestroy(list) }
        CPLErrorReset()
        guard let driver = GDALGetDriverByName(driver),
            let handle = GDALCreate(
                driver, path, Int32(clamping: width), Int32(clamping: height), Int32(clamping: bands), dataType.gdal, list)
        else { throw GDALError.last("create", path, otherwise: "GDAL has no driver for it") }
        self.handle = handle
    }

    deinit { handle.map { GDALClose($0) } }

    public func setGeoTransform(_ coefficients: [Double]) throws {
        precondition(coefficients.count == 6)
        var values = coefficients
        try perform("georeference") { GDALSetGeoTransform(handle, &values) }
    }

    public func setSpatialReference(_ reference: SpatialReference) throws {
        try perform("georeference") { GDALSetSpatialRef(handle, reference.handle) }
    }

    /// Ground control points: pixel column and row, and the place in `reference`.
    public func setGroundControlPoints(
        _ points: [(column: Double, row: Double, x: Double, y: Double)], reference: SpatialReference
    ) throws {
        var list = points.map { _ in GDAL_GCP() }
        GDALInitGCPs(Int32(list.count), &list)
        defer { GDALDeinitGCPs(Int32(list.count), &list) }
        for (index, point) in points.enumerated() {
            (list[index].dfGCPPixel, list[index].dfGCPLine) = (point.column, point.row)
            (list[index].dfGCPX, list[index].dfGCPY) = (point.x, point.y)
        }
        try perform("georeference") { GDALSetGCPs2(handle, Int32(list.count), list, reference.handle) }
    }

    public func setMetadata(_ key: String, _ value: String, domain: String? = nil) throws {
        try perform("describe") { GDALSetMetadataItem(handle, key, value, domain) }
    }

    public func setNoData(_ value: Double, band: Int) throws {
        try perform("set nodata of") { GDALSetRasterNoDataValue(try self.band(band), value) }
    }

    public func setDescription(_ text: String, band: Int) throws {
        GDALSetDescription(try self.band(band), text)
    }

    public func setColorInterpretation(_ meaning: RasterBand.ColorInterpretation, band: Int) throws {
        let code: GDALColorInterp = switch meaning {
        case .undefined, .other: GCI_Undefined
        case .gray: GCI_GrayIndex
        case .palette: GCI_PaletteIndex
        case .red: GCI_RedBand
        case .green: GCI_GreenBand
        case .blue: GCI_BlueBand
        case .alpha: GCI_AlphaBand
        }
        try perform("colour") { GDALSetRasterColorInterpretation(try self.band(band), code) }
    }

    public func setPalette(_ entries: [(red: UInt8, green: UInt8, blue: UInt8, alpha: UInt8)], band: Int) throws {
        guard let table = GDALCreateColorTable(GPI_RGB) else { throw GDALError.last("colour", path) }
        defer { GDALDestroyColorTable(table) }
        for (index, entry) in entries.enumerated() {
            var color = GDALColorEntry(
                c1: Int16(entry.red), c2: Int16(entry.green), c3: Int16(entry.blue), c4: Int16(entry.alpha))
            GDALSetColorEntry(table, Int32(index), &color)
        }
        try perform("colour") { GDALSetRasterColorTable(try self.band(band), table) }
    }

    /// - Parameter samples: row by row, `region.pixelCount` of them.
    public func write<Sample: RasterSample>(_ samples: [Sample], region: RasterRegion, band: Int) throws {
        precondition(samples.count == region.pixelCount)
        try transfer(samples, region, to: try self.band(band))
    }

    /// Writes a mask that all bands share: 0 invalid, 255 valid. GDAL puts it inside the file or beside it, as
    /// `insideFile` says.
    public func writeMask(_ samples: [UInt8], region: RasterRegion, insideFile: Bool) throws {
        precondition(samples.count == region.pixelCount)
        CPLSetThreadLocalConfigOption("GDAL_TIFF_INTERNAL_MASK", insideFile ? "YES" : "NO")
        defer { CPLSetThreadLocalConfigOption("GDAL_TIFF_INTERNAL_MASK", nil) }
        if GDALGetMaskFlags(try band(1)) & GMF_PER_DATASET == 0 {
            try perform("mask") { GDALCreateDatasetMaskBand(handle, GMF_PER_DATASET) }
        }
        try transfer(samples, region, to: GDALGetMaskBand(try band(1)))
    }

    /// Flushes and closes; nothing can be written afterwards.
    /// - Throws: `GDALError` where not everything reached the file.
    public func close() throws {
        guard let handle else { return }
        self.handle = nil
        CPLErrorReset()
        GDALClose(handle)
        if CPLGetLastErrorType() == CE_Failure { throw GDALError.last("finish", path) }
    }

    private func band(_ number: Int) throws -> GDALRasterBandH {
        guard let handle, let band = GDALGetRasterBand(handle, Int32(number)) else {
            throw GDALError(operation: "use band \(number) of", thing: path, reason: "there is none, or the file is closed")
        }
        return band
    }

    private func transfer<Sample: RasterSample>(
        _ samples: [Sample], _ region: RasterRegion, to band: GDALRasterBandH?
    ) throws {
        var copy = samples
        try perform("write \(region) of") {
            copy.withUnsafeMutableBufferPointer {
                GDALRasterIOEx(
                    band, GF_Write, Int32(region.x), Int32(region.y), Int32(region.width), Int32(region.height),
                    $0.baseAddress!, Int32(region.width), Int32(region.height), Sample.dataType.gdal, 0, 0, nil)
            }
        }
    }

    private func perform(_ operation: String, _ body: () throws -> CPLErr) throws {
        CPLErrorReset()
        guard try body() == CE_None else { throw GDALError.last(operation, path) }
    }
}
