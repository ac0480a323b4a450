import Testing
import TileGrid

@Suite("Geotransforms")
struct GeoTransformTests {
    static let northUp = GeoTransform(originX: 500_000, originY: 4_100_000, pixelWidth: 30, pixelHeight: 30)
    static let southUp = GeoTransform(0, 0.5, 0, -90, 0, 0.5)
    static let rotated = GeoTransform(1000.5, 0.5, 0.5, 2000.25, 0.5, -0.5)

    @Test func placePixelCorners() {
        #expect(Self.northUp.apply(2, 3) == (500_060, 4_099_910))
        #expect(Self.southUp.apply(1, 1) == (0.5, -89.5))
    }

    @Test(arguments: [northUp, southUp, rotated])
    func areUndoneByTheirInverse(_ transform: GeoTransform) throws {
        let inverse = try #require(transform.inverse)
        for pixel in [Point(x: 0, y: 0), Point(x: 17, y: 4), Point(x: -3.5, y: 900.25)] {
            let back = inverse.apply(transform.apply(pixel))
            #expect(abs(back.x - pixel.x) < 1e-6 && abs(back.y - pixel.y) < 1e-6)
        }
    }

    @Test(arguments: [northUp, southUp, rotated])
    func followAWindow(_ transform: GeoTransform) {
        let window = PixelWindow(x: 10, y: 20, width: 5, height: 5)
        #expect(transform.translated(to: window).apply(1, 2) == transform.apply(11, 22))
    }

    @Test func withoutAreaHaveNoInverse() {
        #expect(GeoTransform(0, 1, 1, 0, 1, 1).inverse == nil)
        #expect(GeoTransform(0, .nan, 0, 0, 0, 1).inverse == nil)
    }
}
