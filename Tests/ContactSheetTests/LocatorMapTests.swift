import TileGrid
import Testing

@testable import ContactSheet

@Suite("Locator map")
struct LocatorMapTests {
    private let frame = Rectangle(x: 10, y: 20, width: 360, height: 300)

    private func isInside(_ point: Point) -> Bool {
        frame.contains(Rectangle(x: point.x, y: point.y, width: 0, height: 0))
    }

    @Test("Everything that it shows lies inside, wherever on Earth", arguments: [
        [Point(x: 31, y: 30.9)],
        [Point(x: -180, y: -90), Point(x: 180, y: 90)],
        [Point(x: 0, y: 90), Point(x: 1, y: 89.9)],
        [Point(x: 179.9, y: -17), Point(x: -179.8, y: -16)],
        [Point(x: -120, y: 40), Point(x: 140, y: -30), Point(x: 10, y: 50)],
    ])
    func inside(places: [Point]) {
        let map = LocatorMap(frame: frame, rings: [], places: places)
        for place in places { #expect(isInside(map.position(place))) }
    }

    @Test("Places on both sides of the antimeridian lie side by side, the western hemisphere to the right")
    func antimeridian() {
        let fiji = Point(x: 179.5, y: -17), samoaSide = Point(x: -179.5, y: -17)
        let map = LocatorMap(frame: frame, rings: [], places: [fiji, samoaSide])
        let (left, right) = (map.position(fiji), map.position(samoaSide))
        #expect(left.x < right.x)
        // One degree apart, with a border of 7 % on both sides.
        #expect(abs(right.x - left.x - frame.width / 1.14) < 0.001)
    }

    @Test("An area over half the Earth keeps together what lies in it")
    func wideArea() {
        let ring = [(-170.0, 10.0), (170, 10), (170, 60), (-170, 60), (-170, 10)].map { Point(x: $0.0, y: $0.1) }
        let map = LocatorMap(frame: frame, rings: [ring], places: [Point(x: 0, y: 30)])
        #expect(map.position(ring[0]).x < map.position(Point(x: 0, y: 30)).x)
        #expect(map.position(Point(x: 0, y: 30)).x < map.position(ring[1]).x)
    }

    @Test("A square on the ground is a square on the map at 60° north, where a degree of longitude is half as wide")
    func shape() {
        let ring = [(10.0, 59.5), (12, 59.5), (12, 60.5), (10, 60.5), (10, 59.5)].map { Point(x: $0.0, y: $0.1) }
        let map = LocatorMap(frame: frame, rings: [ring], places: [])
        let corners = ring.map(map.position)
        #expect(abs((corners[1].x - corners[0].x) / (corners[1].y - corners[2].y) - 1) < 0.001)
    }

    @Test("Coordinates read as people write them")
    func degrees() {
        #expect(Degrees.fixed(12.3456, decimals: 3, "N", "S") == "12.346°N")
        #expect(Degrees.fixed(-98.7654, decimals: 3, "E", "W") == "98.765°W")
        #expect(Degrees.fixed(-0.0001, decimals: 3, "E", "W") == "0.000°E")
        #expect(Degrees.fixed(.nan, decimals: 3, "E", "W") == "–")
        #expect(Degrees.number(-1e-7, decimals: 3) == "0.000")
        #expect(Degrees.axis(0, "E", "W") == "0°")
        #expect(Degrees.axis(-0.25, "E", "W") == "0.25°W")
        #expect(Degrees.axis(-180, "E", "W", isLongitude: true) == "180°")
    }
}
