import GDAL
import TileGrid

/// Which region to decode when a tile is wanted that is not held, so that no block is decoded twice as far as memory allows.
///
/// Square blocks, a row of which fits GDAL's block cache, are left to that cache: the tile alone is read, and its samples
/// are still in the processor's cache when the picture is made. Strips, and rows that do not fit, are read a few rows of
/// tiles at once: a strip costs a look-up for every tile across it, and what does not fit would be decoded again.
struct ReadPlan {
    let layout: TileLayout
    let blockWidth: Int
    let blockHeight: Int
    /// Bytes held for each pixel.
    let bytesPerPixel: Int
    let bufferBytes: Int
    /// What GDAL itself keeps decoded. Half of it is counted on: workers share it.
    let blockCacheBytes: Int
    /// Room is reserved there for all blocks under a row of tiles: ``BlockDemand``.
    var holdsRowOfBlocks = false

    /// Up to this share of the rows may be decoded twice, at the seam between two regions.
    private static let acceptedWaste = 1.0 / 16
    /// Lower blocks are strips.
    private static let squareBlockHeight = 64

    /// The part of the raster under one tile.
    func tileRegion(_ index: Int) -> RasterRegion {
        let window = layout[index].clipped(toWidth: layout.rasterWidth, height: layout.rasterHeight)
        return RasterRegion(x: window.x, y: window.y, width: window.width, height: window.height)
    }

    /// The region to decode for a tile and those after it.
    func region(from index: Int) -> RasterRegion {
        let (row, column) = index.quotientAndRemainder(dividingBy: layout.columns)
        let first = tileRegion(index)
        if blockHeight >= Self.squareBlockHeight, fitsBlockCache { return first }
        let wholeRow = layout.rasterWidth * first.height * bytesPerPixel
        guard wholeRow <= bufferBytes else { return partOfRow(row, from: column) }
        // A row begun in the middle is finished; the next region then takes whole rows.
        let rows = column == 0 ? min(rowsAtOnce, layout.rows - row) : 1
        let last = tileRegion((row + rows) * layout.columns - 1)
        let left = column == 0 ? 0 : first.x
        return RasterRegion(
            x: left, y: first.y, width: layout.rasterWidth - left, height: last.y + last.height - first.y)
    }

    /// Rows of tiles in one region: one where GDAL's cache still holds the blocks at the seam, else as few as waste
    /// little, else as many as fit.
    var rowsAtOnce: Int {
        let seamRows = layout.overlap + (layout.step % blockHeight == 0 && layout.overlap == 0 ? 0 : blockHeight)
        guard seamRows > 0 else { return 1 }
        if fitsBlockCache { return 1 }
        let fitting = max(1, (bufferBytes / (layout.rasterWidth * bytesPerPixel) - layout.overlap) / layout.step)
        for rows in 1...fitting {
            let isAligned = layout.overlap == 0 && rows * layout.step % blockHeight == 0
            if isAligned || Double(seamRows) <= Double(rows * layout.step) * Self.acceptedWaste { return rows }
        }
        return fitting
    }

    /// Whether GDAL's cache keeps the blocks under a row of tiles until the next row wants them.
    private var fitsBlockCache: Bool {
        if holdsRowOfBlocks { return true }
        let isAligned = layout.overlap == 0 && (layout.step % blockHeight == 0 || blockHeight % layout.step == 0)
        let rows = isAligned ? max(blockHeight, layout.step) : (layout.tileSize / blockHeight + 2) * blockHeight
        return layout.rasterWidth * rows * bytesPerPixel <= blockCacheBytes / 2
    }

    /// As many tiles of one row as fit, ending with a block where that costs no more than half of them.
    private func partOfRow(_ row: Int, from column: Int) -> RasterRegion {
        let first = tileRegion(row * layout.columns + column)
        let columnBytes = first.height * bytesPerPixel
        let fittingWidth = max(first.width, bufferBytes / columnBytes)
        var last = column
        var aligned: Int?
        while last + 1 < layout.columns {
            let next = tileRegion(row * layout.columns + last + 1)
            guard next.x + next.width - first.x <= fittingWidth else { break }
            last += 1
            if (next.x + next.width) % blockWidth == 0 { aligned = last }
        }
        if let aligned, last + 1 < layout.columns, aligned - column >= (last - column) / 2 { last = aligned }
        let end = tileRegion(row * layout.columns + last)
        return RasterRegion(x: first.x, y: first.y, width: end.x + end.width - first.x, height: first.height)
    }
}
