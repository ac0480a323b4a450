import TestCluster
import Testing

@testable import TileGrid

/// Spherical projections, written out so that footprints can be tested without PROJ.
enum Projection {
    static func geographic(_ points: [Point]) -> [Point] { points }

    /// Polar stereographic in degrees of colatitude: the pole is (0, 0).
    static func northPole(_ points: [Point]) -> [Point] {
        points.map { Point(x: atan2(degrees: $0.x, -$0.y), y: 90 - ($0.x * $0.x + $0.y * $0.y).squareRoot()) }
    }

    static func southPole(_ points: [Point]) -> [Point] {
        points.map { Point(x: atan2(degrees: $0.x, $0.y), y: ($0.x * $0.x + $0.y * $0.y).squareRoot() - 90) }
    }

    /// A disk of radius 10 that can be placed; nothing outside can.
    static func disk(_ points: [Point]) -> [Point] {
        points.map { $0.x * $0.x + $0.y * $0.y <= 100 ? $0 : Point(x: .infinity, y: .infinity) }
    }

    static func bent(_ points: [Point]) -> [Point] {
        points.map { Point(x: $0.x + 0.02 * $0.y * $0.y, y: $0.y) }
    }

    private static func atan2(degrees y: Double, _ x: Double) -> Double {
        // Through the half angle, so that this file needs no C library of its own.
        let radius = (x * x + y * y).squareRoot()
        guard radius > 0 else { return 0 }
        guard radius + x > 1e-15 * radius else { return 180 }
        return 2 * arctangent(y / (radius + x)) * 180 / .pi
    }

    private static func arctangent(_ value: Double) -> Double {
        if abs(value) > 1 { return (value < 0 ? -0.5 : 0.5) * .pi - arctangent(1 / value) }
        // Two halvings, then the series converges fast.
        var reduced = value
        for _ in 0..<3 { reduced = reduced / (1 + (1 + reduced * reduced).squareRoot()) }
        var (sum, power) = (0.0, reduced)
        for term in 0..<14 {
            sum += power / Double(2 * term + 1) * (term % 2 == 0 ? 1 : -1)
            power *= reduced * reduced
        }
        return 8 * sum
    }
}

@Suite("Footprints")
struct FootprintTests {
    /// A window of 10 × 10 pixels over a box.
    static func footprint(
        west: Double, south: Double, east: Double, north: Double,
        _ transform: ([Point]) -> [Point] = Projection.geographic
    ) throws -> Footprint {
        let geoTransform = GeoTransform(
            originX: west, originY: north, pixelWidth: (east - west) / 10, pixelHeight: (north - south) / 10)
        return try .densified(
            window: PixelWindow(x: 0, y: 0, width: 10, height: 10), geoTransform: geoTransform, using: transform)
    }

    /// Closed, counter-clockwise, simple, within the Earth.
    static func expectValid(_ footprint: Footprint, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(!footprint.polygons.isEmpty, sourceLocation: sourceLocation)
        for ring in footprint.polygons {
            let open = PlanarRing(Array(ring.dropLast()))
            #expect(ring.first == ring.last, sourceLocation: sourceLocation)
            #expect(open.signedArea > 0, sourceLocation: sourceLocation)
            #expect(open.isSimple, sourceLocation: sourceLocation)
            #expect(ring.allSatisfy { abs($0.x) <= 180 && abs($0.y) <= 90 }, sourceLocation: sourceLocation)
        }
    }

    @Test func ofStraightSidesHaveFourCorners() throws {
        let footprint = try Self.footprint(west: 10, south: 40, east: 11, north: 41)
        Self.expectValid(footprint)
        #expect(footprint.polygons.count == 1 && footprint.polygons[0].count == 5)
        #expect(footprint.bounds == Footprint.Bounds(west: 10, south: 40, east: 11, north: 41))
        #expect(footprint.centroid == Point(x: 10.5, y: 40.5))
    }

    @Test func ofBentSidesAreDensified() throws {
        let footprint = try Self.footprint(west: 0, south: -10, east: 10, north: 10, Projection.bent)
        Self.expectValid(footprint)
        #expect(footprint.polygons[0].count > 9)
        // The area between two parallel parabolas is that of the rectangle.
        #expect(abs(footprint.planarArea - 200) < 0.2)
    }

    @Test func ofSouthUpAndRotatedGridsTurnTheSameWay() throws {
        let window = PixelWindow(x: 0, y: 0, width: 10, height: 10)
        for transform in [GeoTransform(10, 0.1, 0, 40, 0, 0.1), GeoTransform(10, 0.05, 0.05, 40, 0.05, -0.05)] {
            let footprint = try Footprint.densified(
                window: window, geoTransform: transform, using: Projection.geographic)
            Self.expectValid(footprint)
            #expect(abs(footprint.planarArea - abs(transform.determinant) * 100) < 1e-9)
        }
    }

    @Test func areSplitAtTheAntimeridian() throws {
        // Some systems go on past 180°, others jump to -180°.
        for jump in [false, true] {
            let footprint = try Self.footprint(west: 179, south: -1, east: 182, north: 1) { points in
                points.map { Point(x: jump && $0.x > 180 ? $0.x - 360 : $0.x, y: $0.y) }
            }
            Self.expectValid(footprint)
            #expect(footprint.polygons.count == 2)
            #expect(footprint.crossesAntimeridian)
            #expect(abs(footprint.planarArea - 6) < 1e-9)
            #expect(footprint.bounds == Footprint.Bounds(west: 179, south: -1, east: -178, north: 1))
            #expect(abs(footprint.centroid.x - -179.5) < 1e-9)
        }
    }

    @Test func thatTouchTheAntimeridianAreNotSplit() throws {
        let footprint = try Self.footprint(west: 170, south: 0, east: 180, north: 5)
        #expect(footprint.polygons.count == 1)
        #expect(footprint.bounds.east == 180)
        let west = try Self.footprint(west: 180, south: 0, east: 190, north: 5)
        #expect(west.bounds == Footprint.Bounds(west: -180, south: 0, east: -170, north: 5))
    }

    @Test(arguments: [(-180.0, 180.0), (0.0, 360.0), (-180.125, 180.125), (-170.0, 190.0)])
    func ofTheWholeEarthAreOneBand(_ west: Double, _ east: Double) throws {
        let footprint = try Self.footprint(west: west, south: -90, east: east, north: 90)
        Self.expectValid(footprint)
        #expect(footprint.polygons.count == 1)
        #expect(abs(footprint.planarArea - 360 * 180) < 1e-6)
    }

    @Test func keepLatitudesOnTheEarth() throws {
        let footprint = try Self.footprint(west: 0, south: 80, east: 10, north: 90.25)
        Self.expectValid(footprint)
        #expect(footprint.bounds.north == 90)
    }

    @Test func roundAPoleReachIt() throws {
        let north = try Self.footprint(west: -5, south: -5, east: 5, north: 5, Projection.northPole)
        Self.expectValid(north)
        #expect(north.bounds.north == 90 && north.bounds.south > 82 && north.bounds.south < 83)
        let all = 360 * 5.0
        #expect(north.planarArea > all && north.planarArea < all * 1.42)
        let south = try Self.footprint(west: -5, south: -5, east: 5, north: 5, Projection.southPole)
        Self.expectValid(south)
        #expect(south.bounds.south == -90)
        #expect(abs(south.planarArea - north.planarArea) < 0.01 * all)
    }

    @Test func withThePoleInACornerCoverAQuarter() throws {
        let quadrants = [(0.0, 0.0), (-5.0, 0.0), (0.0, -5.0), (-5.0, -5.0)]
        for projection in [Projection.northPole, Projection.southPole] {
            var total = 0.0
            for (west, south) in quadrants {
                let quarter = try Self.footprint(
                    west: west, south: south, east: west + 5, north: south + 5, projection)
                Self.expectValid(quarter)
                total += quarter.planarArea
            }
            let whole = try Self.footprint(west: -5, south: -5, east: 5, north: 5, projection)
            #expect(abs(total - whole.planarArea) < 0.01 * whole.planarArea)
        }
    }

    @Test func atTheLimbCoverWhatCanBePlaced() throws {
        let footprint = try Self.footprint(west: 5, south: 5, east: 15, north: 15, Projection.disk)
        Self.expectValid(footprint)
        #expect(footprint.bounds.west == 5 && footprint.bounds.east < 8.7)
    }

    @Test func offTheEarthAreRefused() {
        let error = #expect(throws: TileGridError.self) {
            try Self.footprint(west: 20, south: 20, east: 30, north: 30, Projection.disk)
        }
        #expect(error?.code == .noFootprint)
    }

    @Test func ofRandomBoxesAreValidAndKeepTheirArea() throws {
        var generator = SeededRandom(seed: 20261130)
        for _ in 0..<500 {
            let width = Double.random(in: 0.001...300, using: &generator)
            let height = Double.random(in: 0.001...80, using: &generator)
            let west = Double.random(in: -360...360, using: &generator)
            let south = Double.random(in: -90...(90 - height), using: &generator)
            let footprint = try Self.footprint(west: west, south: south, east: west + width, north: south + height)
            Self.expectValid(footprint)
            #expect(abs(footprint.planarArea - width * height) < 1e-6 * width * height + 1e-9, "\(width) × \(height) at \(west) \(south)")
        }
    }

    @Test func areEncodedForPostGISAndGeoJSON() throws {
        let one = try Self.footprint(west: 10, south: 40, east: 11, north: 41)
        // ST_AsEWKB of the same polygon (PostGIS 3.3): little endian, Polygon with SRID, 4326, one ring of five points.
        #expect(Array(one.ewkb.prefix(17)) == [1, 3, 0, 0, 0x20, 0xe6, 0x10, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0])
        #expect(one.ewkb.count == 17 + 5 * 16)
        #expect(one.geoJSON.hasPrefix(#"{"type":"Polygon","coordinates":[[["#))
        let two = try Self.footprint(west: 179, south: 0, east: 181, north: 1)
        #expect(Array(two.ewkb.prefix(13)) == [1, 6, 0, 0, 0x20, 0xe6, 0x10, 0, 0, 2, 0, 0, 0])
        #expect(Array(two.ewkb[13..<18]) == [1, 3, 0, 0, 0])
        #expect(two.geoJSON.hasPrefix(#"{"type":"MultiPolygon","coordinates":[[[["#))
        #expect(two.wkt.hasPrefix("MULTIPOLYGON((("))
    }

    @Test func ofBoundsMayCrossTheAntimeridian() throws {
        let footprint = try Footprint(bounds: .init(west: 170, south: -10, east: -170, north: 10))
        Self.expectValid(footprint)
        #expect(footprint.crossesAntimeridian && abs(footprint.planarArea - 400) < 1e-9)
        #expect(throws: TileGridError.self) { try Footprint(bounds: .init(west: 0, south: 10, east: 1, north: 10)) }
        #expect(throws: TileGridError.self) { try Footprint(bounds: .init(west: 0, south: 10, east: 1, north: 100)) }
    }
}
