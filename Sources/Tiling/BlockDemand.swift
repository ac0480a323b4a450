import GDAL

/// What GDAL has to keep decoded so that a scene of large blocks is decoded once while its tiles are cut row by row.
///
/// Formats that mix their bands (JPEG 2000, GeoTIFF with INTERLEAVE=PIXEL) decode all of them at once and hand GDAL's cache a
/// block of each. A cache that does not hold them has given the second band's away before it is asked for: the block is
/// then decoded once for each band, for each row of tiles, and twice more for each tile that is written.
struct BlockDemand {
    let rasterWidth: Int
    let rasterHeight: Int
    let blockWidth: Int
    let blockHeight: Int
    /// Bytes that decoding leaves in the cache for each pixel.
    let bytesPerPixel: Int

    init(rasterWidth: Int, rasterHeight: Int, blockWidth: Int, blockHeight: Int, bytesPerPixel: Int) {
        self.rasterWidth = rasterWidth
        self.rasterHeight = rasterHeight
        self.blockWidth = blockWidth
        self.blockHeight = blockHeight
        self.bytesPerPixel = bytesPerPixel
    }

    init(_ dataset: Dataset, plan: BandPlan, cloudBand: Int?) throws {
        let first = try raster(.unsupported) { try dataset.band(plan.image[0]) }
        let bands = dataset.bands
        var used = Set(plan.image)
        if let cloudBand { used.insert(cloudBand) }
        var masks = 0
        switch plan.validity {
        case .alpha(let number): used.insert(number)
        case .mask: masks = 1
        default: break
        }
        let isMixed = dataset.metadata(domain: "IMAGE_STRUCTURE")["INTERLEAVE"] == "PIXEL" || dataset.driver.hasPrefix("JP2")
        let decoded = isMixed ? bands : bands.filter { used.contains($0.number) }
        (blockWidth, blockHeight) = first.blockSize
        (rasterWidth, rasterHeight) = (dataset.width, dataset.height)
        bytesPerPixel = decoded.reduce(masks) { $0 + ($1.dataType?.byteCount ?? 16) }
    }

    private var blockBytes: Int { blockWidth * blockHeight * bytesPerPixel }
    private var blocksAcross: Int { (rasterWidth + blockWidth - 1) / blockWidth }
    private var blocksDown: Int { (rasterHeight + blockHeight - 1) / blockHeight }

    /// All blocks that a row of tiles touches: one row of them, or two where tiles lie across their seam.
    func bytes(tileSize: Int, overlap: Int) -> Int {
        let isAligned = overlap == 0 && blockHeight % tileSize == 0 && rasterHeight % tileSize == 0
        let rows = isAligned ? 1 : (tileSize + blockHeight - 2) / blockHeight + 1
        return min(rows, blocksDown) * blocksAcross * blockBytes
    }

    /// Bytes to reserve: nothing where blocks are small or the shared cache will do, all that a row of tiles touches
    /// where that is no more than `limit`, else two blocks, so that bands at least are not decoded one by one.
    func reservation(tileSize: Int, overlap: Int, sharedBytes: Int, limit: Int) -> (bytes: Int, holdsRows: Bool) {
        let wanted = bytes(tileSize: tileSize, overlap: overlap)
        guard blockHeight > tileSize, wanted > sharedBytes / 2 else { return (0, false) }
        if wanted <= limit { return (wanted, true) }
        let some = min(2 * blockBytes, limit)
        return (some > sharedBytes / 2 ? some : 0, false)
    }
}
