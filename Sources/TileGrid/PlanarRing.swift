/// A ring in the plane of longitude and latitude, its first point not repeated; longitudes may exceed ±180.
struct PlanarRing {
    let points: [Point]

    /// What lies within this of the antimeridian lies on it, in degrees (0.1 mm at the equator).
    private static let meridianTolerance = 1e-9
    /// Rings below this area, in squared degrees, are what rounding left (a square of a hundredth of a millimetre).
    private static let smallestArea = 1e-20

    init(_ points: [Point]) {
        self.points = points
    }

    var signedArea: Double {
        guard let origin = points.first else { return 0 }
        return edges.reduce(0) { sum, edge in
            sum + ((edge.0.x - origin.x) * (edge.1.y - origin.y) - (edge.1.x - origin.x) * (edge.0.y - origin.y))
        } / 2
    }

    var centroid: Point {
        // Relative to the first point: differences of small tiles would drown in products of whole degrees.
        let origin = points[0]
        var (x, y, twice) = (0.0, 0.0, 0.0)
        for (start, end) in edges {
            let (ax, ay, bx, by) = (start.x - origin.x, start.y - origin.y, end.x - origin.x, end.y - origin.y)
            let cross = ax * by - bx * ay
            twice += cross
            x += (ax + bx) * cross
            y += (ay + by) * cross
        }
        return Point(x: origin.x + x / (3 * twice), y: origin.y + y / (3 * twice))
    }

    var counterClockwise: PlanarRing {
        signedArea < 0 ? PlanarRing(points.reversed()) : self
    }

    var withoutRepetition: PlanarRing {
        var kept: [Point] = []
        for point in points where point != kept.last { kept.append(point) }
        while kept.count > 1, kept.first == kept.last { kept.removeLast() }
        return PlanarRing(kept)
    }

    /// Whether no two sides meet except neighbours in their common point.
    var isSimple: Bool {
        let sides = edges
        guard sides.count > 3 else { return sides.count == 3 && signedArea != 0 }
        for first in 0..<sides.count {
            for second in (first + 1)..<sides.count {
                let neighbours = second == first + 1 || (first == 0 && second == sides.count - 1)
                if neighbours {
                    // Neighbours may only meet in their common point, not turn back on each other.
                    let (a, b) = second == first + 1 ? (sides[first], sides[second]) : (sides[second], sides[first])
                    if Self.turnsBack(a.0, a.1, b.1) { return false }
                } else if Self.meet(sides[first], sides[second]) {
                    return false
                }
            }
        }
        return true
    }

    /// The closed rings within ±180° that this one is made of; nil where nothing with an area is left.
    func splitAtAntimeridian() -> [[Point]]? {
        guard let west = points.map(\.x).min(), let east = points.map(\.x).max() else { return nil }
        if east - west >= 360 - Self.meridianTolerance, !reachesRoundPole {
            return [Self.wholeBand(south: points.map(\.y).min()!, north: points.map(\.y).max()!)]
        }
        var pending = [self]
        var meridian = ((west - 180) / 360).rounded(.up) * 360 + 180
        if meridian - west < Self.meridianTolerance { meridian += 360 }
        while meridian < east - Self.meridianTolerance {
            var pieces: [PlanarRing] = []
            for ring in pending {
                guard let sides = RingSplitter.split(ring.points, at: meridian) else { return nil }
                pieces += sides.map(PlanarRing.init)
            }
            pending = pieces
            meridian += 360
        }
        let closed = pending.compactMap(\.closedWithinBand)
        return closed.isEmpty ? nil : closed
    }

    /// True where a side runs along a pole for the whole width: such a ring is no plain band.
    private var reachesRoundPole: Bool {
        edges.contains { abs($0.0.y) == 90 && $0.0.y == $0.1.y && abs($0.0.x - $0.1.x) >= 360 - Self.meridianTolerance }
            && points.count > 4
    }

    /// Moved into -180...180, closed, counter-clockwise; nil without area.
    private var closedWithinBand: [Point]? {
        let west = points.map(\.x).min()!
        let east = points.map(\.x).max()!
        let shift = (((west + east) / 2 + 180) / 360).rounded(.down) * 360
        let moved = points.map { point -> Point in
            let x = point.x - shift
            let snapped = abs(abs(x) - 180) < Self.meridianTolerance || abs(x) > 180 ? (x < 0 ? -180.0 : 180.0) : x
            return Point(x: snapped, y: point.y)
        }
        let ring = PlanarRing(moved).withoutRepetition.counterClockwise
        guard ring.points.count >= 3, ring.signedArea > Self.smallestArea else { return nil }
        return ring.points + [ring.points[0]]
    }

    private static func wholeBand(south: Double, north: Double) -> [Point] {
        [
            Point(x: -180, y: south), Point(x: 180, y: south), Point(x: 180, y: north), Point(x: -180, y: north),
            Point(x: -180, y: south),
        ]
    }

    private var edges: [(Point, Point)] {
        guard points.count > 1 else { return [] }
        return points.indices.map { (points[$0], points[($0 + 1) % points.count]) }
    }
}

extension PlanarRing {
    /// Andrew's monotone chain; nil where the points have no area.
    static func convexHull(of points: [Point]) -> PlanarRing? {
        let sorted = points.sorted { ($0.x, $0.y) < ($1.x, $1.y) }
        func chain(_ ordered: some Sequence<Point>) -> [Point] {
            var kept: [Point] = []
            for point in ordered {
                while kept.count > 1, turn(kept[kept.count - 2], kept[kept.count - 1], point) <= 0 { kept.removeLast() }
                kept.append(point)
            }
            return Array(kept.dropLast())
        }
        let ring = PlanarRing(chain(sorted) + chain(sorted.reversed()))
        return ring.points.count >= 3 && ring.signedArea > smallestArea ? ring : nil
    }

    /// Positive where c lies to the left of the way from a to b.
    private static func turn(_ a: Point, _ b: Point, _ c: Point) -> Double {
        (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
    }

    private static func turnsBack(_ a: Point, _ b: Point, _ c: Point) -> Bool {
        turn(a, b, c) == 0 && (b.x - a.x) * (c.x - b.x) + (b.y - a.y) * (c.y - b.y) < 0
    }

    private static func meet(_ first: (Point, Point), _ second: (Point, Point)) -> Bool {
        let (a, b) = first
        let (c, d) = second
        guard max(a.x, b.x) >= min(c.x, d.x), max(c.x, d.x) >= min(a.x, b.x),
            max(a.y, b.y) >= min(c.y, d.y), max(c.y, d.y) >= min(a.y, b.y) else { return false }
        let (abc, abd, cda, cdb) = (turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b))
        // The boxes overlap, so a product of zero means touching.
        return abc * abd <= 0 && cda * cdb <= 0
    }
}
