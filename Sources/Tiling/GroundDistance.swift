import Foundation
import TileGrid

/// Lengths on the ground, on a sphere: good to half a percent, for stating resolutions.
enum GroundDistance {
    /// The authalic radius of WGS84, in metres.
    private static let earthRadius = 6_371_007.2

    /// Side in metres of the square that one pixel in the middle of a raster covers; nil where it has no place.
    static func pixelSide(geoTransform: GeoTransform, width: Int, height: Int, projector: Projector) -> Double? {
        let (column, row) = (Double(width) / 2, Double(height) / 2)
        let corners = [Point(x: column, y: row), Point(x: column + 1, y: row), Point(x: column, y: row + 1)]
        let places = projector.place(corners.map(geoTransform.apply))
        guard places.allSatisfy(\.isFinite) else { return nil }
        let degree = earthRadius * .pi / 180
        let shrink = cos(places[0].y * .pi / 180)
        func vector(_ end: Point) -> (Double, Double) {
            ((end.x - places[0].x).remainder(dividingBy: 360) * degree * shrink, (end.y - places[0].y) * degree)
        }
        let (right, down) = (vector(places[1]), vector(places[2]))
        let side = abs(right.0 * down.1 - right.1 * down.0).squareRoot()
        return side > 0 && side.isFinite ? side : nil
    }
}
