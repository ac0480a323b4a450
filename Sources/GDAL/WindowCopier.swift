import CGDAL

/// Copies windows of one raster to GeoTIFF files of their own, one after the other, leaving its decoded blocks in GDAL's cache.
///
/// After a GDALTranslate no block of the raster that it read is cached any more, whatever the cache's size: each window would
/// have its blocks decoded again (Tests/IntegrationTests/LargeBlockTests.swift counts). So the window's samples go into memory
/// first, into a raster that has all else from a copy of one pixel of the source, made once.
public final class WindowCopier {
    private let source: Dataset
    private let bands: [Int]
    /// One pixel with the metadata, nodata, colours and masks of the source; nil where those depend on the window.
    private let template: Dataset?

    /// - Parameter bands: numbers from 1, in the order they take in the copies.
    public init(_ source: Dataset, bands: [Int]) throws {
        self.source = source
        self.bands = bands
        let types = Set(try bands.map { try source.band($0).dataType })
        // GDALTranslate moves control points and rational polynomials to the window.
        let isPlain = source.geoTransform != nil && source.groundControlPointCount == 0
            && !source.metadataDomains.contains("RPC") && types.count == 1 && types.first != .some(nil)
        template = try isPlain
            ? source.translated(to: "", format: "MEM", bands: bands, ["-srcwin", "0", "0", "1", "1"]) : nil
    }

    /// See ``Dataset/copyToGeoTIFF(_:path:)``.
    public func copy(_ region: RasterRegion, metadata: [String: String], path: String) throws {
        let isWhole = region == RasterRegion(x: 0, y: 0, width: source.width, height: source.height)
        guard let template, !isWhole else {
            return try source.copyToGeoTIFF(CopyRequest(region: region, bands: bands, metadata: metadata), path: path)
        }
        try source.check(region)
        let window = try template.translated(to: "", format: "MEM", ["-outsize", "\(region.width)", "\(region.height)"])
        try fill(window, from: region)
        try window.copyToGeoTIFF(
            CopyRequest(
                region: RasterRegion(x: 0, y: 0, width: region.width, height: region.height), bands: Array(1...bands.count),
                metadata: metadata), path: path)
    }

    private func fill(_ window: Dataset, from region: RasterRegion) throws {
        let operation = "read \(region) of"
        let old = source.geoTransform!
        var new = old
        new[0] += old[1] * Double(region.x) + old[2] * Double(region.y)
        new[3] += old[4] * Double(region.x) + old[5] * Double(region.y)
        GDALSetGeoTransform(window.handle, &new)

        let (width, height) = (Int32(region.width), Int32(region.height))
        var numbers = bands.map(Int32.init), targets = (1...bands.count).map(Int32.init)
        let first = GDALGetRasterBand(source.handle, numbers[0])
        let type = GDALGetRasterDataType(first)
        var samples = [UInt8](repeating: 0, count: region.pixelCount * bands.count * Int(GDALGetDataTypeSizeBytes(type)))
        CPLErrorReset()
        let outcome = samples.withUnsafeMutableBytes { samples in
            let read = GDALDatasetRasterIOEx(
                source.handle, GF_Read, Int32(region.x), Int32(region.y), width, height, samples.baseAddress!, width, height, type,
                Int32(numbers.count), &numbers, 0, 0, 0, nil)
            guard read == CE_None else { return read }
            return GDALDatasetRasterIOEx(
                window.handle, GF_Write, 0, 0, width, height, samples.baseAddress!, width, height, type, Int32(targets.count), &targets, 0, 0, 0, nil)
        }
        guard outcome == CE_None else { throw GDALError.last(operation, source.name) }
        for (target, number) in zip(targets, numbers) {
            // The depth of odd samples and the sign of 8-bit ones, which the driver for memory does not take over.
            for key in ["NBITS", "PIXELTYPE"] {
                guard let value = GDALGetMetadataItem(GDALGetRasterBand(source.handle, number), key, "IMAGE_STRUCTURE") else { continue }
                GDALSetMetadataItem(GDALGetRasterBand(window.handle, target), key, value, "IMAGE_STRUCTURE")
            }
        }

        let mask = GDALGetRasterBand(window.handle, 1)
        guard GDALGetMaskFlags(mask) == GMF_PER_DATASET else { return }
        var valid = [UInt8](repeating: 0, count: region.pixelCount)
        try source.band(bands[0]).readMask(region, into: &valid, lineStride: region.width)
        let written = valid.withUnsafeMutableBufferPointer {
            GDALRasterIOEx(GDALGetMaskBand(mask), GF_Write, 0, 0, width, height, $0.baseAddress!, width, height, GDT_Byte, 0, 0, nil)
        }
        guard written == CE_None else { throw GDALError.last(operation, source.name) }
    }
}

extension Dataset {
    /// A view of some of the bands, in the order given, with all else that the raster has.
    public func view(ofBands bands: [Int]) throws -> Dataset {
        try translated(to: "", format: "VRT", bands: bands)
    }

    /// A copy by GDALTranslate with its command's arguments, open.
    fileprivate func translated(to path: String, format: String, bands: [Int] = [], _ arguments: [String] = []) throws -> Dataset {
        let operation = "copy"
        let all = ["-of", format] + bands.flatMap { ["-b", "\($0)"] } + arguments
        let list = all.reduce(nil as UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) { CSLAddString($0, $1) }
        defer { CSLDestroy(list) }
        CPLErrorReset()
        guard let options = GDALTranslateOptionsNew(list, nil) else { throw GDALError.last(operation, name) }
        defer { GDALTranslateOptionsFree(options) }
        var usage: Int32 = 0
        guard let copy = GDALTranslate(path, handle, options, &usage) else { throw GDALError.last(operation, name) }
        return Dataset(owning: copy, name: name, source: self)
    }
}
