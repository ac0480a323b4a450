/// Where a tile lies on the Earth: one polygon, or several where it crosses the antimeridian, in WGS84 degrees.
///
/// Always valid in the sense of OGC Simple Features: every ring is closed, simple and counter-clockwise, no two
/// overlap or share an edge, longitudes lie within ±180 and latitudes within ±90. There are no holes.
public struct Footprint: Hashable, Sendable {
    /// The outer ring of each polygon, its first point repeated at the end.
    public let polygons: [[Point]]

    /// West > east where the footprint crosses the antimeridian, as GeoJSON has it (RFC 7946, 5.2).
    public struct Bounds: Hashable, Sendable, Codable {
        public var west, south, east, north: Double
        public init(west: Double, south: Double, east: Double, north: Double) {
            (self.west, self.south, self.east, self.north) = (west, south, east, north)
        }
        public var crossesAntimeridian: Bool { west > east }
    }

    /// Trusts its caller: rings as `polygons` describes them.
    init(validRings: [[Point]]) {
        polygons = validRings
    }

    /// The outline of a pixel window, with as many points on each side as its curvature on the map asks for.
    ///
    /// - Parameters:
    ///   - window: in pixels; it may reach past the raster.
    ///   - geoTransform: from pixels to the coordinate system of the raster.
    ///   - transform: from that system to WGS84 longitude and latitude in degrees, point by point, the count
    ///     unchanged; what it cannot place comes back infinite or NaN.
    /// - Throws: `TileGridError` with code `noFootprint` where no part of the window can be placed on the Earth,
    ///   and whatever `transform` throws.
    public static func densified(
        window: PixelWindow, geoTransform: GeoTransform, using transform: ([Point]) throws -> [Point]
    ) throws -> Footprint {
        let outline = OutlineTracer(window: window, geoTransform: geoTransform)
        if let samples = try outline.samples(using: transform),
            let rings = SphericalRing(samples: samples)?.planarRings() {
            return Footprint(validRings: rings)
        }
        // Part of the window is off the map (the limb of a full-disk image) or folds over: cover what can be placed.
        let placed = try outline.interiorGrid(using: transform)
        guard let rings = SphericalRing.hull(of: placed) else {
            throw TileGridError(
                operation: "place", thing: "window \(window)",
                reason: "no part of it lies on the Earth in this coordinate system", code: .noFootprint)
        }
        return Footprint(validRings: rings)
    }

    /// A rectangle in degrees; west > east crosses the antimeridian.
    /// - Throws: `TileGridError` where it is empty or leaves the Earth.
    public init(bounds: Bounds) throws {
        let east = bounds.crossesAntimeridian ? bounds.east + 360 : bounds.east
        let inside = abs(bounds.west) <= 180 && abs(bounds.east) <= 180
            && abs(bounds.south) <= 90 && abs(bounds.north) <= 90
        let corners = [
            Point(x: bounds.west, y: bounds.south), Point(x: east, y: bounds.south),
            Point(x: east, y: bounds.north), Point(x: bounds.west, y: bounds.north),
        ]
        guard inside, bounds.south < bounds.north, let rings = PlanarRing(corners).splitAtAntimeridian() else {
            throw TileGridError(
                operation: "outline", thing: "\(bounds)", reason: "it is empty or reaches past the Earth",
                code: .noFootprint)
        }
        polygons = rings
    }

    /// True where it lies on both sides of the antimeridian and was split there.
    public var crossesAntimeridian: Bool {
        let touches = { (meridian: Double) in polygons.contains { $0.contains { $0.x == meridian } } }
        return polygons.count > 1 && touches(180) && touches(-180)
    }

    public var bounds: Bounds {
        let unrolled = unrolledRings.joined()
        let west = unrolled.map(\.x).min()!
        let east = unrolled.map(\.x).max()!
        return Bounds(
            west: west, south: unrolled.map(\.y).min()!,
            east: east > 180 ? east - 360 : east, north: unrolled.map(\.y).max()!)
    }

    /// Centre of gravity in degrees of longitude and latitude, across the antimeridian where it is crossed.
    public var centroid: Point {
        var (area, x, y) = (0.0, 0.0, 0.0)
        for ring in unrolledRings {
            let part = PlanarRing(Array(ring.dropLast()))
            let centre = part.centroid
            area += part.signedArea
            x += centre.x * part.signedArea
            y += centre.y * part.signedArea
        }
        let longitude = x / area
        return Point(x: longitude > 180 ? longitude - 360 : longitude, y: y / area)
    }

    /// Area in squared degrees: for comparing footprints of one place, not for measuring land.
    public var planarArea: Double {
        polygons.reduce(0) { $0 + PlanarRing(Array($1.dropLast())).signedArea }
    }

    /// The rings with their western parts moved 360° east where the antimeridian cuts them.
    private var unrolledRings: [[Point]] {
        guard crossesAntimeridian else { return polygons }
        return polygons.map { ring in
            let isWest = ring.contains { $0.x < 0 } && !ring.contains { $0.x > 0 }
            return isWest ? ring.map { Point(x: $0.x + 360, y: $0.y) } : ring
        }
    }
}
