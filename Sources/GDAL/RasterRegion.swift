/// A rectangle inside a raster, in pixels.
public struct RasterRegion: Hashable, Sendable, CustomStringConvertible {
    public var x, y, width, height: Int

    public init(x: Int, y: Int, width: Int, height: Int) {
        (self.x, self.y, self.width, self.height) = (x, y, width, height)
    }

    public var pixelCount: Int { width * height }
    public var description: String { "\(width) × \(height) pixels at (\(x), \(y))" }
}

/// Where the samples of a read go in an array: all strides count samples, not bytes.
public struct BufferLayout: Hashable, Sendable {
    public var offset: Int
    public var pixelStride: Int
    public var lineStride: Int
    public var bandStride: Int

    public init(offset: Int = 0, pixelStride: Int = 1, lineStride: Int, bandStride: Int) {
        (self.offset, self.pixelStride, self.lineStride, self.bandStride) = (offset, pixelStride, lineStride, bandStride)
    }

    /// Band after band, each row by row without gaps.
    public static func bandSequential(width: Int, height: Int) -> BufferLayout {
        BufferLayout(lineStride: width, bandStride: width * height)
    }

    /// Index after the last sample that a read touches.
    func end(width: Int, height: Int, bands: Int) -> Int {
        offset + (width - 1) * pixelStride + (height - 1) * lineStride + (bands - 1) * bandStride + 1
    }
}
