#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// An outline on the sphere, counter-clockwise round its inside, with longitudes followed continuously: a point may
/// have a longitude of 190 or -200, and after one round the outline ends where it began, or 360° from there with a
/// pole inside.
struct SphericalRing {
    /// Without the repetition of the first point; longitudes unbounded, latitudes within ±90.
    private let vertices: [Point]
    /// Degrees of longitude gained in one round: 0, 360 (the north pole is inside) or -360 (the south pole is).
    private let winding: Double

    /// Closer to the pole than this, in degrees, a place has no longitude (0.1 mm on the ground).
    private static let poleTolerance = 1e-9

    /// nil where the samples wind round the Earth more than once: no outline of a tile.
    init?(samples: [OutlineTracer.Sample]) {
        let count = samples.count
        func isLonePole(_ index: Int) -> Bool {
            // Along the top of a raster in degrees every point is "the pole", with a longitude that counts.
            Self.isPole(samples[index].place) && !Self.isPole(samples[(index + 1) % count].place)
                && !Self.isPole(samples[(index + count - 1) % count].place)
        }
        guard let first = (0..<count).first(where: { !isLonePole($0) }) else { return nil }
        var vertices: [Point] = []
        var longitude = samples[first].place.x
        var passedPole: Double?
        for offset in 0...count {
            let index = (first + offset) % count
            let place = samples[index].place
            let latitude = min(90, max(-90, place.y))
            if isLonePole(index) {
                vertices.append(Point(x: longitude, y: latitude))
                passedPole = latitude
                continue
            }
            if let pole = passedPole {
                longitude += Self.turnAtPole(north: pole > 0, from: longitude, to: place.x)
                vertices.append(Point(x: longitude, y: pole))
                passedPole = nil
            } else if offset > 0 {
                longitude += Self.shortestTurn(from: longitude, to: place.x)
            }
            if samples[index].isVertex, offset < count { vertices.append(Point(x: longitude, y: latitude)) }
        }
        let rounds = ((longitude - samples[first].place.x) / 360).rounded()
        guard abs(rounds) <= 1 else { return nil }
        winding = rounds * 360
        self.vertices = vertices
    }

    /// Closed rings within ±180°; nil where the outline crosses itself or has no area.
    func planarRings() -> [[Point]]? {
        guard winding == 0 else { return polarRing().splitAtAntimeridian() }
        let ring = PlanarRing(vertices).withoutRepetition.counterClockwise
        guard ring.isSimple else { return nil }
        return ring.splitAtAntimeridian()
    }

    /// With a pole inside: the outline from antimeridian to antimeridian, closed along the pole.
    private func polarRing() -> PlanarRing {
        let pole: Double = winding > 0 ? 90 : -90
        let round = vertices + [Point(x: vertices[0].x + winding, y: vertices[0].y)]
        // The outline passes an odd multiple of 180° at least once; begin there, so that the seam is the antimeridian.
        let crossing = round.indices.dropLast().first { Self.band(round[$0].x) != Self.band(round[$0 + 1].x) }
        guard let crossing else { return PlanarRing(round + polarSide(round, pole)) }
        let (before, after) = (round[crossing], round[crossing + 1])
        let seam = 360 * max(Self.band(before.x), Self.band(after.x)) - 180
        let share = (seam - before.x) / (after.x - before.x)
        let start = Point(x: seam, y: before.y + (after.y - before.y) * share)
        var rotated = [start]
        rotated += round[(crossing + 1)..<(round.count - 1)]
        rotated += round[...crossing].map { Point(x: $0.x + winding, y: $0.y) }
        rotated.append(Point(x: seam + winding, y: start.y))
        return PlanarRing(rotated + polarSide(rotated, pole)).withoutRepetition.counterClockwise
    }

    private func polarSide(_ line: [Point], _ pole: Double) -> [Point] {
        [Point(x: line.last!.x, y: pole), Point(x: line.first!.x, y: pole)]
    }

    /// Convex outline of scattered places, the first of them in the middle; nil with fewer than three, or no area.
    static func hull(of places: [Point]) -> [[Point]]? {
        guard let middle = places.first else { return nil }
        let unrolled = places.map { place in
            Point(x: middle.x + shortestTurn(from: middle.x, to: place.x), y: min(90, max(-90, place.y)))
        }
        return PlanarRing.convexHull(of: unrolled)?.splitAtAntimeridian()
    }

    static func isPole(_ place: Point) -> Bool { abs(place.y) >= 90 - poleTolerance }

    static func cosine(ofDegrees degrees: Double) -> Double { max(0, cos(degrees * .pi / 180)) }

    /// The difference of two longitudes, brought into -180...180.
    static func shortestTurn(from start: Double, to end: Double) -> Double {
        (end - start).remainder(dividingBy: 360)
    }

    /// Through the pole with the inside on the left, longitude turns westwards in the north, eastwards in the south.
    private static func turnAtPole(north: Bool, from start: Double, to end: Double) -> Double {
        let turn = shortestTurn(from: start, to: end)
        if north { return turn > 0 ? turn - 360 : turn }
        return turn < 0 ? turn + 360 : turn
    }

    /// Which copy of -180...180 a longitude lies in.
    private static func band(_ longitude: Double) -> Double { ((longitude + 180) / 360).rounded(.down) }
}
