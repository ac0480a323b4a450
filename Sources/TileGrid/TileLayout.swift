/// The tiles of one raster, row by row from the upper left: a collection of windows that stores none of them.
///
/// Neighbours lie `tileSize - overlap` pixels apart. A layout of 10⁹ tiles costs as much as one of a single tile.
public struct TileLayout: Hashable, Sendable, RandomAccessCollection {
    /// Below 8 pixels a tile shows nothing; above 4,096 one RGB tile alone takes 50 MB.
    public static let tileSizes = 8...4096
    /// GDAL counts columns and rows in 32-bit integers.
    public static let maximumSide = Int(Int32.max)

    public let rasterWidth: Int
    public let rasterHeight: Int
    public let tileSize: Int
    public let overlap: Int
    public let edge: EdgePolicy
    /// Tiles in a row.
    public let columns: Int
    /// Rows of tiles.
    public let rows: Int

    /// - Throws: `TileGridError` for an empty or oversized raster, a tile size outside `tileSizes`,
    ///   or an overlap that is negative or leaves no step between two tiles.
    public init(
        rasterWidth: Int, rasterHeight: Int, tileSize: Int, overlap: Int = 0, edge: EdgePolicy = .shift
    ) throws {
        func refuse(_ reason: String) -> TileGridError {
            TileGridError(
                operation: "lay tiles over", thing: "a raster of \(rasterWidth) × \(rasterHeight) pixels",
                reason: reason, code: .invalidArgument)
        }
        guard rasterWidth > 0, rasterHeight > 0 else { throw refuse("it is empty") }
        guard rasterWidth <= Self.maximumSide, rasterHeight <= Self.maximumSide else {
            throw refuse("a side has more than \(Self.maximumSide) pixels")
        }
        guard Self.tileSizes.contains(tileSize) else {
            throw refuse(
                "tile size \(tileSize) is outside \(Self.tileSizes.lowerBound) to \(Self.tileSizes.upperBound)")
        }
        guard overlap >= 0, overlap < tileSize else {
            throw refuse("overlap \(overlap) must be at least 0 and less than the tile size \(tileSize)")
        }
        self.rasterWidth = rasterWidth
        self.rasterHeight = rasterHeight
        self.tileSize = tileSize
        self.overlap = overlap
        self.edge = edge
        // Each side is below 2³¹, so the product of both counts stays below 2⁶².
        columns = Self.count(side: rasterWidth, tileSize: tileSize, step: tileSize - overlap, edge: edge)
        rows = Self.count(side: rasterHeight, tileSize: tileSize, step: tileSize - overlap, edge: edge)
    }

    /// Pixels between the origins of two neighbouring tiles.
    public var step: Int { tileSize - overlap }

    public var startIndex: Int { 0 }
    public var endIndex: Int { rows * columns }

    public subscript(position: Int) -> PixelWindow {
        precondition(indices.contains(position), "tile \(position) of \(count)")
        let (row, column) = position.quotientAndRemainder(dividingBy: columns)
        return PixelWindow(
            x: origin(column, side: rasterWidth), y: origin(row, side: rasterHeight),
            width: tileSize, height: tileSize)
    }

    /// The indices of one row of tiles.
    public func indices(ofRow row: Int) -> Range<Int> {
        precondition((0..<rows).contains(row), "row \(row) of \(rows)")
        return row * columns..<(row + 1) * columns
    }

    private func origin(_ position: Int, side: Int) -> Int {
        let regular = position * step
        guard edge == .shift else { return regular }
        return Swift.max(0, Swift.min(regular, side - tileSize))
    }

    private static func count(side: Int, tileSize: Int, step: Int, edge: EdgePolicy) -> Int {
        let beyondFirst = side - tileSize
        switch edge {
        case .drop: return beyondFirst < 0 ? 0 : beyondFirst / step + 1
        case .shift, .pad: return beyondFirst <= 0 ? 1 : (beyondFirst + step - 1) / step + 1
        }
    }
}

extension TileLayout {
    /// Where a window stands in the layout; nil for a window that is none of its tiles. Costs the same for any layout.
    public func index(of window: PixelWindow) -> Int? {
        // Only the last column and row may stand off the step: they were shifted inwards.
        let column = window.x % step == 0 ? window.x / step : columns - 1
        let row = window.y % step == 0 ? window.y / step : rows - 1
        guard (0..<columns).contains(column), (0..<rows).contains(row) else { return nil }
        let index = row * columns + column
        return self[index] == window ? index : nil
    }
}
