import GDAL
import TileGrid

/// What cutting a whole scene came to.
public struct CuttingTotals: Hashable, Sendable {
    public var tiles = 0
    public var skipped = 0
    public var failed = 0
    /// Bytes of the pictures made.
    public var imageBytes = 0
    /// Sum of all picture bytes, so that nothing of the work can be left out.
    public var checksum: UInt64 = 0

    public init() {}
}

extension SceneCutter {
    /// Cuts every tile in order and keeps none: for measuring, and for `plan`'s probe.
    ///
    /// - Parameter limit: stop after this many windows.
    public func cutAll(atMost limit: Int = .max) -> CuttingTotals {
        var totals = CuttingTotals()
        for index in layout.indices.prefix(limit) {
            switch try? cut(index) {
            case .tile(let tile):
                totals.tiles += 1
                totals.imageBytes += tile.image.pixels.count
                totals.checksum &+= UInt64(tile.image.pixels[tile.image.pixels.count / 2])
            case .skipped: totals.skipped += 1
            case nil: totals.failed += 1
            }
        }
        return totals
    }
}

/// Decodes every block of every band once, in the file's order, past GDAL's block cache, and does nothing with it: the
/// least that reading the whole scene can cost.
///
/// - Returns: bytes decoded.
/// - Throws: `TilingError` at the first block that cannot be decoded.
public func bareDecode(path: String) throws -> Int {
    let dataset = try raster(.notARaster) { try Dataset(path: path) }
    let bands = dataset.bands
    guard let first = bands.first else { return 0 }
    let block = first.blockSize
    let sampleBytes = bands.compactMap { $0.dataType?.byteCount }.max() ?? 1
    var buffer = [UInt8](repeating: 0, count: block.width * block.height * sampleBytes)
    var bytes = 0
    for row in 0..<(dataset.height + block.height - 1) / block.height {
        for column in 0..<(dataset.width + block.width - 1) / block.width {
            for band in bands {
                try raster(.damaged) { try band.readBlock(column: column, row: row, into: &buffer) }
                bytes += block.width * block.height * (band.dataType?.byteCount ?? 1)
            }
        }
    }
    return bytes
}
