import Foundation
import TileGrid

/// A small map without a base: graticule, the area searched, the query and its numbered hits, zoomed to what it shows.
///
/// Equirectangular, true to shape at its middle latitude; it follows its places across the antimeridian.
struct LocatorMap {
    let frame: Rectangle
    private let longitudes: LongitudeWindow
    private let west, south, east, north: Double
    private let longitudeStep, latitudeStep: Double

    /// About a kilometre: a single place is not zoomed in further.
    private static let smallestSpan = 0.01
    /// Share of the frame left free round what is shown, so that a numbered dot stays inside.
    private static let border = 0.07
    /// Between two lines of the graticule, in degrees.
    private static let steps: [Double] = [
        0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 45, 60, 90,
    ]
    /// With more hits than this, only the first twenty carry their number and the others are dots.
    private static let mostNumbered = 40
    private static let numberedOfMany = 20

    /// - Parameters: what must be on it, in degrees; at least one point.
    init(frame: Rectangle, rings: [[Point]], places: [Point]) {
        self.frame = frame
        longitudes = LongitudeWindow(covering: rings + places.map { [$0] })
        let points = (rings.joined() + places).map(longitudes.unrolled)
        let xs = points.map(\.x), ys = points.map(\.y)
        let (left, right) = (xs.min() ?? -180, xs.max() ?? 180)
        let (bottom, top) = (ys.min() ?? -90, ys.max() ?? 90)
        let middle = Point(x: (left + right) / 2, y: (bottom + top) / 2)
        // A degree of longitude is this much of a degree of latitude; near the poles, no less than a quarter.
        let shrink = max(0.25, cos(middle.y * .pi / 180))
        let grown = 1 + 2 * Self.border
        let spanX = max(Self.smallestSpan, right - left) * grown, spanY = max(Self.smallestSpan, top - bottom) * grown
        let degreesPerPixel = max(spanX * shrink / frame.width, spanY / frame.height)
        let (halfX, halfY) = (frame.width * degreesPerPixel / shrink / 2, frame.height * degreesPerPixel / 2)
        (west, east) = (middle.x - halfX, middle.x + halfX)
        (south, north) = (middle.y - halfY, middle.y + halfY)
        longitudeStep = Self.steps.first { 2 * halfX / $0 <= 5 } ?? 90
        latitudeStep = Self.steps.first { 2 * halfY / $0 <= 5 } ?? 90
    }

    func draw(on canvas: Canvas, area: [[Point]], query: Point?, hits: [(rank: Int, place: Point)]) {
        canvas.fill(frame, .panel)
        drawGraticule(on: canvas)
        for ring in area {
            canvas.polyline(
                ring.map(position), stroke: .area, width: 1.5, fill: Colour(0x1971C2, alpha: 0.12), within: frame)
        }
        if let query { canvas.circle(at: position(query), radius: 11, fill: .paper, stroke: .accent, width: 3) }
        let numbered = hits.count <= Self.mostNumbered ? hits.count : Self.numberedOfMany
        // The best on top.
        for hit in hits.dropFirst(numbered).reversed() {
            canvas.circle(at: position(hit.place), radius: 3, fill: .soft)
        }
        for hit in hits.prefix(numbered).reversed() {
            let centre = position(hit.place)
            canvas.circle(at: centre, radius: 8, fill: .ink, stroke: .paper, width: 1)
            canvas.text("\(hit.rank)", centredAt: centre, TextStyle(size: 9, isBold: true, colour: .paper))
        }
        if let query { canvas.circle(at: position(query), radius: 3.5, fill: .accent, stroke: .paper, width: 1) }
        canvas.stroke(frame, .line, width: 1)
    }

    /// Where a place is drawn, in pixels of the sheet.
    func position(_ place: Point) -> Point {
        let x = longitudes.unrolled(place).x
        return Point(
            x: frame.x + (x - west) / (east - west) * frame.width,
            y: frame.y + (north - place.y) / (north - south) * frame.height)
    }

    private func drawGraticule(on canvas: Canvas) {
        let style = TextStyle(size: 10, colour: .soft)
        let (top, bottom) = (row(min(north, 90)), row(max(south, -90)))
        for value in multiples(of: longitudeStep, from: west, to: east) {
            let x = frame.x + (value - west) / (east - west) * frame.width
            canvas.polyline([Point(x: x, y: top), Point(x: x, y: bottom)], stroke: .line, width: 1, within: frame)
            let label = Degrees.axis(value.remainder(dividingBy: 360), "E", "W", isLongitude: true)
            guard x + 3 + canvas.width(of: label, style) < frame.x + frame.width - 2 else { continue }
            canvas.text(label, x: x + 3, y: frame.y + frame.height - 5, style)
        }
        for value in multiples(of: latitudeStep, from: max(south, -90), to: min(north, 90)) {
            let y = row(value)
            let ends = [Point(x: frame.x, y: y), Point(x: frame.x + frame.width, y: y)]
            canvas.polyline(ends, stroke: .line, width: 1, within: frame)
            // Clear of the longitudes along the bottom.
            guard y - 13 > frame.y, y < frame.y + frame.height - 16 else { continue }
            canvas.text(Degrees.axis(value, "N", "S"), x: frame.x + 4, y: y - 3, style)
        }
    }

    private func row(_ latitude: Double) -> Double {
        frame.y + (north - latitude) / (north - south) * frame.height
    }

    private func multiples(of step: Double, from low: Double, to high: Double) -> [Double] {
        let first = Int((low / step).rounded(.up)), last = Int((high / step).rounded(.down))
        return first <= last ? (first...last).map { Double($0) * step } : []
    }
}
