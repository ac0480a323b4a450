import CGDAL

extension Dataset {
    /// Reads a region of several bands at the raster's own resolution.
    ///
    /// - Parameters:
    ///   - bands: numbers from 1, in the order wanted.
    ///   - buffer: already large enough for `layout`; nothing is allocated.
    /// - Throws: `GDALError` for a region outside the raster or a block that cannot be decoded.
    public func read<Sample: RasterSample>(
        _ region: RasterRegion, bands: [Int], into buffer: inout [Sample], layout: BufferLayout
    ) throws {
        try check(region)
        precondition(
            layout.offset >= 0 && layout.end(width: region.width, height: region.height, bands: bands.count)
                <= buffer.count, "a buffer too small for \(region) of \(bands.count) bands")
        let size = MemoryLayout<Sample>.stride
        var numbers = bands.map(Int32.init)
        CPLErrorReset()
        let outcome = buffer.withUnsafeMutableBufferPointer { samples in
            GDALDatasetRasterIOEx(
                handle, GF_Read, Int32(region.x), Int32(region.y), Int32(region.width), Int32(region.height),
                samples.baseAddress! + layout.offset, Int32(region.width), Int32(region.height),
                Sample.dataType.gdal, Int32(numbers.count), &numbers,
                Int64(layout.pixelStride * size), Int64(layout.lineStride * size), Int64(layout.bandStride * size),
                nil)
        }
        guard outcome == CE_None else { throw GDALError.last("read \(region) of", name) }
    }

    func check(_ region: RasterRegion) throws {
        let inside = region.x >= 0 && region.y >= 0 && region.width > 0 && region.height > 0
            && region.width <= width - region.x && region.height <= height - region.y
        guard inside else {
            throw GDALError(
                operation: "read \(region) of", thing: name,
                reason: "the raster has \(width) × \(height) pixels")
        }
    }
}
