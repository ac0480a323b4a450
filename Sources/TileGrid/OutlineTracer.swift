/// Walks round a window, counter-clockwise in the plane of its coordinate system, and places points on the map:
/// few on straight sides, more where a projection bends them.
struct OutlineTracer {
    /// One placed point. Those that are no vertices lie on the line between two vertices; they are kept while
    /// longitudes are followed round the outline, because a side may be wider than 180°.
    struct Sample {
        var place: Point
        var isVertex: Bool
    }

    /// A side is straight enough where it strays by less than this share of the tile's longest side:
    /// half a pixel of a tile of 256.
    private static let tolerance = 1.0 / 512
    /// …but never by more than this, in degrees.
    private static let largestTolerance = 0.1
    /// Halvings of one side: at most 64 pieces.
    private static let deepest = 6
    /// Points along each side of the grid that is tried where the outline cannot be placed as a whole.
    private static let gridSide = 33

    private let corners: [Point]
    private let geoTransform: GeoTransform
    private let window: PixelWindow

    init(window: PixelWindow, geoTransform: GeoTransform) {
        let (left, top) = (Double(window.x), Double(window.y))
        let (right, bottom) = (left + Double(window.width), top + Double(window.height))
        let clockwiseOnScreen = [
            Point(x: left, y: top), Point(x: right, y: top), Point(x: right, y: bottom), Point(x: left, y: bottom),
        ]
        corners = geoTransform.determinant < 0 ? clockwiseOnScreen.reversed() : clockwiseOnScreen
        self.geoTransform = geoTransform
        self.window = window
    }

    /// The outline, or nil where some of its points cannot be placed.
    func samples(using transform: ([Point]) throws -> [Point]) throws -> [Sample]? {
        var pixels: [Point] = []
        for (corner, next) in zip(corners, corners[1...] + corners[..<1]) {
            for quarter in 0..<4 { pixels.append(between(corner, next, Double(quarter) / 4)) }
        }
        let places = try place(pixels, using: transform)
        guard places.allSatisfy(\.isFinite) else { return nil }
        let longest = (0..<4).map { side in
            Stretch(places[4 * side], places[4 * side + 1], places[4 * side + 2], places[4 * side + 3],
                    places[(4 * side + 4) % 16]).length
        }.max()!
        let tolerance = min(longest * Self.tolerance, Self.largestTolerance)

        var samples: [Sample] = []
        for side in 0..<4 {
            let start = 4 * side
            let stretch = Stretch(
                places[start], places[start + 1], places[start + 2], places[start + 3], places[(start + 4) % 16])
            let placed = try trace(
                stretch, from: corners[side], to: corners[(side + 1) % 4], tolerance: tolerance,
                depth: 0, into: &samples, using: transform)
            guard placed else { return nil }
        }
        return samples
    }

    /// What can be placed of an even grid over the window, its middle first.
    func interiorGrid(using transform: ([Point]) throws -> [Point]) throws -> [Point] {
        let steps = 0..<Self.gridSide
        let last = Double(Self.gridSide - 1)
        var pixels = [between(corners[0], corners[2], 0.5)]
        for row in steps {
            for column in steps {
                pixels.append(Point(
                    x: Double(window.x) + Double(window.width) * Double(column) / last,
                    y: Double(window.y) + Double(window.height) * Double(row) / last))
            }
        }
        return try place(pixels, using: transform).filter(\.isFinite)
    }

    /// Appends the samples of one stretch, its end left to the next one. False: a point cannot be placed.
    private func trace(
        _ stretch: Stretch, from start: Point, to end: Point, tolerance: Double, depth: Int,
        into samples: inout [Sample], using transform: ([Point]) throws -> [Point]
    ) throws -> Bool {
        if depth == Self.deepest || stretch.strays(byLessThan: tolerance) {
            samples.append(Sample(place: stretch.places[0], isVertex: true))
            samples += stretch.places[1...3].map { Sample(place: $0, isVertex: false) }
            return true
        }
        let eighths = try place([0.125, 0.375, 0.625, 0.875].map { between(start, end, $0) }, using: transform)
        guard eighths.allSatisfy(\.isFinite) else { return false }
        let middle = between(start, end, 0.5)
        let places = stretch.places
        let halves = (
            Stretch(places[0], eighths[0], places[1], eighths[1], places[2]),
            Stretch(places[2], eighths[2], places[3], eighths[3], places[4]))
        return try trace(
            halves.0, from: start, to: middle, tolerance: tolerance, depth: depth + 1, into: &samples, using: transform)
            && trace(
                halves.1, from: middle, to: end, tolerance: tolerance, depth: depth + 1, into: &samples,
                using: transform)
    }

    private func place(_ pixels: [Point], using transform: ([Point]) throws -> [Point]) throws -> [Point] {
        let places = try transform(pixels.map(geoTransform.apply))
        precondition(places.count == pixels.count, "a transform keeps the number of points")
        return places
    }

    private func between(_ start: Point, _ end: Point, _ share: Double) -> Point {
        Point(x: start.x + (end.x - start.x) * share, y: start.y + (end.y - start.y) * share)
    }
}

/// Five places, a quarter of a stretch apart in pixels.
private struct Stretch {
    let places: [Point]

    init(_ a: Point, _ b: Point, _ c: Point, _ d: Point, _ e: Point) {
        places = [a, b, c, d, e]
    }

    var length: Double {
        let flat = flattened
        return zip(flat, flat.dropFirst()).reduce(0) { $0 + distance($1.0, $1.1) }
    }

    /// Whether each inner place lies close to the straight line between the ends.
    func strays(byLessThan tolerance: Double) -> Bool {
        let flat = flattened
        let (start, end) = (flat[0], flat[4])
        let (dx, dy) = (end.x - start.x, end.y - start.y)
        let chord = (dx * dx + dy * dy).squareRoot()
        return flat[1...3].allSatisfy { inner in
            guard chord > 0 else { return distance(inner, start) <= tolerance }
            return abs((inner.x - start.x) * dy - (inner.y - start.y) * dx) / chord <= tolerance
        }
    }

    /// Longitudes followed without jumps and shrunk to the length that a degree has in the middle; a pole takes
    /// its neighbour's longitude, having none.
    private var flattened: [Point] {
        let shrink = SphericalRing.cosine(ofDegrees: places[2].y)
        var longitude = SphericalRing.isPole(places[0]) ? places[1].x : places[0].x
        return places.map { place in
            if !SphericalRing.isPole(place) { longitude += SphericalRing.shortestTurn(from: longitude, to: place.x) }
            return Point(x: longitude * shrink, y: place.y)
        }
    }

    private func distance(_ a: Point, _ b: Point) -> Double {
        ((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y)).squareRoot()
    }
}
