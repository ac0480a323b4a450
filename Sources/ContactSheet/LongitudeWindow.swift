import TileGrid

/// A turn of 360° of longitude that begins where nothing is, so that places on both sides of the antimeridian
/// come to lie side by side.
struct LongitudeWindow {
    /// The western edge, in degrees; places lie in `start..<start + 360`.
    let start: Double

    /// - Parameter shapes: rings or single points within ±180°; none crosses the antimeridian itself.
    init(covering shapes: [[Point]]) {
        let intervals = shapes.compactMap { shape -> (west: Double, east: Double)? in
            guard let west = shape.map(\.x).min(), let east = shape.map(\.x).max() else { return nil }
            return (west, east)
        }.sorted { $0.west < $1.west }
        guard let first = intervals.first else {
            start = -180
            return
        }
        var covered = first.east
        var widest = (gap: 0.0, start: first.west)
        for interval in intervals.dropFirst() {
            if interval.west - covered > widest.gap { widest = (interval.west - covered, interval.west) }
            covered = max(covered, interval.east)
        }
        // The gap across the antimeridian is preferred: it leaves longitudes as they are.
        start = first.west + 360 - covered >= widest.gap ? first.west : widest.start
    }

    func unrolled(_ place: Point) -> Point {
        place.x < start ? Point(x: place.x + 360, y: place.y) : place
    }
}
