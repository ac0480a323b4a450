import Foundation
import TileGrid

/// Lengths on the ground, on the WGS84 ellipsoid.
enum GroundDistance {
    /// Half the equator's diameter in metres, and the first eccentricity squared.
    private static let semiMajorAxis = 6_378_137.0
    private static let eccentricitySquared = 0.006_694_379_990_141_317

    /// Side in metres of the square that one pixel in the middle of a raster covers; nil where it has no place.
    static func pixelSide(geoTransform: GeoTransform, width: Int, height: Int, projector: Projector) -> Double? {
        let (column, row) = (Double(width) / 2, Double(height) / 2)
        let corners = [Point(x: column, y: row), Point(x: column + 1, y: row), Point(x: column, y: row + 1)]
        let places = projector.place(corners.map(geoTransform.apply))
        guard places.allSatisfy(\.isFinite) else { return nil }
        // Radii of curvature along the meridian and across it (Snyder 1987, 4-18 and 4-20).
        let latitude = places[0].y * .pi / 180
        let flattened = 1 - Self.eccentricitySquared * sin(latitude) * sin(latitude)
        let across = Self.semiMajorAxis / flattened.squareRoot()
        let along = across * (1 - Self.eccentricitySquared) / flattened
        func vector(_ end: Point) -> (Double, Double) {
            let (dx, dy) = ((end.x - places[0].x).remainder(dividingBy: 360), end.y - places[0].y)
            return (dx * .pi / 180 * across * cos(latitude), dy * .pi / 180 * along)
        }
        let (right, down) = (vector(places[1]), vector(places[2]))
        let side = abs(right.0 * down.1 - right.1 * down.0).squareRoot()
        return side > 0 && side.isFinite ? side : nil
    }
}
