import GDAL
import TileGrid

/// Brings coordinates of a scene's grid to WGS84 longitude and latitude.
final class Projector {
    private let forward: CoordinateTransformation
    /// There and back again, for projections whose plane is larger than the Earth on it: beyond its edge they answer
    /// with places on the other side.
    private let backward: CoordinateTransformation?
    /// ±90° in the units of a geographic system; rasters of the whole Earth often reach half a pixel past the poles.
    private let largestLatitude: Double?

    /// Longitudes beyond this are metres that were declared to be degrees.
    private static let largestLongitude = 540.0
    private static let edgedProjections: Set<String> = [
        "Sinusoidal", "Mollweide", "Robinson", "Eckert_I", "Eckert_II", "Eckert_III", "Eckert_IV", "Eckert_V",
        "Eckert_VI", "Goode_Homolosine", "Interrupted_Goode_Homolosine", "VanDerGrinten", "Winkel_Tripel",
        "Winkel_I", "Winkel_II", "Wagner_I", "Wagner_II", "Wagner_III", "Wagner_IV", "Wagner_V", "Wagner_VI",
        "Wagner_VII", "Aitoff", "Hammer", "Bonne", "Polyconic",
    ]

    init(_ reference: SpatialReference) throws {
        let wgs84 = try SpatialReference.wgs84()
        forward = try CoordinateTransformation(from: reference, to: wgs84)
        let isEdged = reference.projection.map(Self.edgedProjections.contains) ?? false
        backward = isEdged ? try CoordinateTransformation(from: wgs84, to: reference) : nil
        largestLatitude = reference.isGeographic ? 90 / reference.degreesPerUnit : nil
    }

    /// Point by point; what has no place on the Earth comes back infinite.
    func place(_ points: [Point]) -> [Point] {
        var x = points.map(\.x)
        var y = points.map(\.y)
        if let limit = largestLatitude {
            for index in y.indices { y[index] = min(limit, max(-limit, y[index])) }
        }
        forward.transform(x: &x, y: &y)
        var places = zip(x, y).map { Point(x: $0, y: $1) }
        for index in places.indices where !(abs(places[index].x) <= Self.largestLongitude) {
            places[index] = Point(x: .infinity, y: .infinity)
        }
        if let backward { reject(&places, notReturningTo: points, by: backward) }
        return places
    }

    private func reject(_ places: inout [Point], notReturningTo origins: [Point], by backward: CoordinateTransformation) {
        var x = places.map { $0.isFinite ? $0.x : 0 }
        var y = places.map { $0.isFinite ? $0.y : 0 }
        backward.transform(x: &x, y: &y)
        for index in places.indices {
            let (dx, dy) = (x[index] - origins[index].x, y[index] - origins[index].y)
            // A metre, or what rounding costs at the far end of a plane of 20,000 km.
            if !(dx * dx + dy * dy <= 1) { places[index] = Point(x: .infinity, y: .infinity) }
        }
    }
}
