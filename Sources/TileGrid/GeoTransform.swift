/// The affine map from pixel to coordinate system, in GDAL's order and meaning:
/// `x = c0 + column·c1 + row·c2`, `y = c3 + column·c4 + row·c5`, where (0, 0) is the upper left *corner* of the first pixel.
public struct GeoTransform: Hashable, Sendable {
    public var c0, c1, c2, c3, c4, c5: Double

    public init(_ c0: Double, _ c1: Double, _ c2: Double, _ c3: Double, _ c4: Double, _ c5: Double) {
        (self.c0, self.c1, self.c2, self.c3, self.c4, self.c5) = (c0, c1, c2, c3, c4, c5)
    }

    /// A north-up grid.
    public init(originX: Double, originY: Double, pixelWidth: Double, pixelHeight: Double) {
        self.init(originX, pixelWidth, 0, originY, 0, -pixelHeight)
    }

    /// GDAL's answer where a raster has none: pixels themselves.
    public static let identity = GeoTransform(0, 1, 0, 0, 0, 1)

    public var coefficients: [Double] { [c0, c1, c2, c3, c4, c5] }

    /// Signed area of one pixel, in squared units of the coordinate system; negative for a north-up grid.
    public var determinant: Double { c1 * c5 - c2 * c4 }

    /// True where the map can be undone and every coefficient is a number.
    public var isInvertible: Bool {
        coefficients.allSatisfy(\.isFinite) && determinant.isFinite && determinant != 0
    }

    /// True where rows run along x and columns along y (south-up included).
    public var isAxisAligned: Bool { c2 == 0 && c4 == 0 }

    /// Side of one pixel in units of the coordinate system: the square root of its area.
    public var pixelSize: Double { determinant.magnitude.squareRoot() }

    public func apply(_ column: Double, _ row: Double) -> (x: Double, y: Double) {
        (c0 + column * c1 + row * c2, c3 + column * c4 + row * c5)
    }

    public func apply(_ pixel: Point) -> Point {
        let place = apply(pixel.x, pixel.y)
        return Point(x: place.x, y: place.y)
    }

    /// From coordinates back to pixels; nil where `isInvertible` is false.
    public var inverse: GeoTransform? {
        guard isInvertible else { return nil }
        let d = determinant
        return GeoTransform(
            (c2 * c3 - c0 * c5) / d, c5 / d, -c2 / d,
            (c0 * c4 - c1 * c3) / d, -c4 / d, c1 / d)
    }

    /// The map of a window's own pixels.
    public func translated(to window: PixelWindow) -> GeoTransform {
        let origin = apply(Double(window.x), Double(window.y))
        return GeoTransform(origin.x, c1, c2, origin.y, c4, c5)
    }
}

extension GeoTransform: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let values = try container.decode([Double].self)
        guard values.count == 6 else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "a geotransform has 6 numbers, not \(values.count)")
        }
        self.init(values[0], values[1], values[2], values[3], values[4], values[5])
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(coefficients)
    }
}
