import TileGrid

/// A small map without a base: graticule, the area searched, the query and its hits, zoomed to what it shows.
struct LocatorMap {
    let frame: Rectangle
    private let west, south, east, north: Double
    private let step: Double

    /// - Parameter points: all that must be on it, in degrees.
    init(frame: Rectangle, showing points: [Point]) {
        self.frame = frame
        let xs = points.map(\.x), ys = points.map(\.y)
        let middle = Point(
            x: ((xs.min() ?? -180) + (xs.max() ?? 180)) / 2, y: ((ys.min() ?? -90) + (ys.max() ?? 90)) / 2)
        // At least a hundredth of a degree (a kilometre), and a tenth more than what it shows.
        var spanX = max(0.01, (xs.max() ?? 180) - (xs.min() ?? -180)) * 1.1
        var spanY = max(0.01, (ys.max() ?? 90) - (ys.min() ?? -90)) * 1.1
        let shape = frame.width / frame.height
        spanX = max(spanX, spanY * shape)
        spanY = max(spanY, spanX / shape)
        west = middle.x - spanX / 2
        east = middle.x + spanX / 2
        south = middle.y - spanY / 2
        north = middle.y + spanY / 2
        let steps: [Double] = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 45, 60, 90]
        step = steps.first { spanX / $0 <= 6 } ?? 90
    }

    func draw(on canvas: Canvas, area: [[[Point]]], query: Point?, hits: [Point]) {
        canvas.fill(frame, .panel)
        for value in lines(from: west, to: east, limit: 180) {
            let x = position(Point(x: value, y: south)).x
            canvas.polyline(
                [Point(x: x, y: frame.y), Point(x: x, y: frame.y + frame.height)], stroke: .line, width: 1, within: frame)
            canvas.text(label(value, "E", "W"), x: x + 3, y: frame.y + frame.height - 5, TextStyle(size: 10, colour: .soft))
        }
        for value in lines(from: south, to: north, limit: 90) {
            let y = position(Point(x: west, y: value)).y
            canvas.polyline(
                [Point(x: frame.x, y: y), Point(x: frame.x + frame.width, y: y)], stroke: .line, width: 1, within: frame)
            canvas.text(label(value, "N", "S"), x: frame.x + 4, y: y - 3, TextStyle(size: 10, colour: .soft))
        }
        for ring in area.joined() {
            canvas.polyline(
                ring.map(position), stroke: .area, width: 1.5, fill: Colour(0x1971C2, alpha: 0.12), within: frame)
        }
        for hit in hits.reversed() { canvas.dot(at: position(hit), radius: 3.5, .ink) }
        if let query {
            canvas.dot(at: position(query), radius: 6, .paper)
            canvas.dot(at: position(query), radius: 4.5, .accent)
        }
        canvas.stroke(frame, .line, width: 1)
    }

    func position(_ point: Point) -> Point {
        Point(
            x: frame.x + (point.x - west) / (east - west) * frame.width,
            y: frame.y + (north - point.y) / (north - south) * frame.height)
    }

    private func lines(from low: Double, to high: Double, limit: Double) -> [Double] {
        let first = Int((max(low, -limit) / step).rounded(.up)), last = Int((min(high, limit) / step).rounded(.down))
        return first <= last ? (first...last).map { Double($0) * step } : []
    }

    private func label(_ value: Double, _ positive: String, _ negative: String) -> String {
        let thousandths = Int((value.magnitude * 1000).rounded())
        var text = "\(thousandths / 1000)"
        if thousandths % 1000 != 0 {
            let fraction = String(thousandths % 1000)
            text += "." + String(repeating: "0", count: 3 - fraction.count) + fraction
            while text.last == "0" { text.removeLast() }
        }
        return text + "°" + (value == 0 ? "" : value < 0 ? negative : positive)
    }
}
