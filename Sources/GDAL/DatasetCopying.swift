import CGDAL

/// What becomes of a copied part of a raster.
public struct CopyRequest: Sendable {
    public var region: RasterRegion
    /// Numbers from 1, in the order they take in the copy.
    public var bands: [Int]
    /// Added to the metadata that the source has.
    public var metadata: [String: String]

    public init(region: RasterRegion, bands: [Int], metadata: [String: String] = [:]) {
        self.region = region
        self.bands = bands
        self.metadata = metadata
    }
}

extension Dataset {
    /// Writes a part of the raster as a GeoTIFF: DEFLATE, the source's sample type, georeferenced, with nodata values,
    /// masks, colours and descriptions of its bands.
    ///
    /// - Throws: `GDALError` where a block cannot be decoded, or the file not be written in full.
    public func copyToGeoTIFF(_ request: CopyRequest, path: String) throws {
        try check(request.region)
        let (region, operation) = (request.region, "write tile")
        var arguments = ["-of", "GTiff", "-co", "COMPRESS=DEFLATE", "-co", "INTERLEAVE=PIXEL"]
        // Differences of neighbours deflate better than samples; floating point needs its own form of that, and packed bits have none.
        let bands = try request.bands.map(band)
        if bands.allSatisfy({ $0.dataType == bands[0].dataType }), let type = bands[0].dataType, !type.isComplex,
            type.isFloatingPoint || bands.allSatisfy({ [8, 16, 32, 64].contains($0.bitDepth) }) {
            arguments += ["-co", "PREDICTOR=\(type.isFloatingPoint ? 3 : 2)"]
        }
        arguments += ["-srcwin", "\(region.x)", "\(region.y)", "\(region.width)", "\(region.height)"]
        for band in request.bands { arguments += ["-b", "\(band)"] }
        for (key, value) in request.metadata.sorted(by: { $0.key < $1.key }) { arguments += ["-mo", "\(key)=\(value)"] }
        let list = arguments.reduce(nil as UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) { CSLAddString($0, $1) }
        defer { CSLDestroy(list) }
        CPLErrorReset()
        guard let options = GDALTranslateOptionsNew(list, nil) else { throw GDALError.last(operation, path) }
        defer { GDALTranslateOptionsFree(options) }
        // Masks go into the file, not beside it; and nothing else does either (this thread only).
        CPLSetThreadLocalConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES")
        CPLSetThreadLocalConfigOption("GDAL_PAM_ENABLED", "NO")
        defer {
            CPLSetThreadLocalConfigOption("GDAL_TIFF_INTERNAL_MASK", nil)
            CPLSetThreadLocalConfigOption("GDAL_PAM_ENABLED", nil)
        }
        var usage: Int32 = 0
        guard let copy = GDALTranslate(path, handle, options, &usage) else { throw GDALError.last(operation, path) }
        let failedBefore = CPLGetLastErrorType() == CE_Failure
        let failure = GDALError.last(operation, path)
        CPLErrorReset()
        // A full disk shows only now, when the rest is flushed.
        GDALClose(copy)
        if CPLGetLastErrorType() == CE_Failure { throw GDALError.last(operation, path) }
        if failedBefore { throw failure }
    }

    public enum ImageFormat: String, Sendable {
        case png = "PNG"
        case jpeg = "JPEG"
    }

    /// Writes interleaved 8-bit RGB as a picture without georeferencing.
    ///
    /// - Parameter rgb: height × width × 3 values.
    public static func writeImage(
        rgb: [UInt8], width: Int, height: Int, path: String, format: ImageFormat
    ) throws {
        GDALRuntime.started
        precondition(width > 0 && height > 0 && rgb.count == width * height * 3)
        let operation = "write image"
        CPLErrorReset()
        guard let memory = GDALGetDriverByName("MEM"), let driver = GDALGetDriverByName(format.rawValue),
            let source = GDALCreate(memory, "", Int32(width), Int32(height), 3, GDT_Byte, nil)
        else { throw GDALError.last(operation, path, otherwise: "GDAL has no \(format.rawValue) driver") }
        defer { GDALClose(source) }
        var samples = rgb
        let outcome = samples.withUnsafeMutableBufferPointer {
            GDALDatasetRasterIOEx(
                source, GF_Write, 0, 0, Int32(width), Int32(height), $0.baseAddress!, Int32(width), Int32(height),
                GDT_Byte, 3, nil, 3, Int64(3 * width), 1, nil)
        }
        guard outcome == CE_None else { throw GDALError.last(operation, path) }
        CPLSetThreadLocalConfigOption("GDAL_PAM_ENABLED", "NO")
        defer { CPLSetThreadLocalConfigOption("GDAL_PAM_ENABLED", nil) }
        guard let copy = GDALCreateCopy(driver, path, source, 0, nil, nil, nil) else {
            throw GDALError.last(operation, path)
        }
        CPLErrorReset()
        GDALClose(copy)
        if CPLGetLastErrorType() == CE_Failure { throw GDALError.last(operation, path) }
    }
}
