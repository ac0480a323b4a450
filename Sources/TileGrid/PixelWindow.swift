/// A rectangle of pixels: `x` and `y` of its upper left pixel, and its size.
///
/// With `EdgePolicy.pad`, or where a raster is smaller than a tile, it reaches past the raster.
public struct PixelWindow: Hashable, Sendable, Codable {
    public var x: Int
    public var y: Int
    public var width: Int
    public var height: Int

    public init(x: Int, y: Int, width: Int, height: Int) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    public var pixelCount: Int { width * height }
    public var isEmpty: Bool { width <= 0 || height <= 0 }

    /// The part that two windows share; empty (width or height 0) where there is none.
    public func intersection(_ other: PixelWindow) -> PixelWindow {
        let left = max(x, other.x)
        let top = max(y, other.y)
        let right = min(x + width, other.x + other.width)
        let bottom = min(y + height, other.y + other.height)
        return PixelWindow(x: left, y: top, width: max(0, right - left), height: max(0, bottom - top))
    }

    /// The part inside a raster of the given size.
    public func clipped(toWidth width: Int, height: Int) -> PixelWindow {
        intersection(PixelWindow(x: 0, y: 0, width: width, height: height))
    }

    public func contains(_ other: PixelWindow) -> Bool {
        intersection(other) == other
    }
}

extension PixelWindow: CustomStringConvertible {
    /// `x,y,width,height`, the form that enters a tile's identity.
    public var description: String { "\(x),\(y),\(width),\(height)" }
}
