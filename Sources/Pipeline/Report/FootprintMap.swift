import Foundation

/// Footprints on a graticule, as SVG in plate carrée: x is longitude, y is minus latitude. Shows the whole Earth, and
/// zooms to what there is where that is smaller.
struct FootprintMap {
    private var rings: [[(x: Double, y: Double)]] = []

    /// - Parameter geoJSON: polygons and multipolygons, WGS84 degrees.
    init(_ geoJSON: [String]) {
        for text in geoJSON {
            guard let object = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
                let coordinates = object["coordinates"] as? [Any]
            else { continue }
            collect(coordinates)
        }
    }

    private mutating func collect(_ node: [Any]) {
        let points = node.compactMap { entry -> (x: Double, y: Double)? in
            guard let pair = entry as? [Any], pair.count >= 2, let x = (pair[0] as? NSNumber)?.doubleValue,
                let y = (pair[1] as? NSNumber)?.doubleValue
            else { return nil }
            return (x, -y)
        }
        if points.count == node.count, points.count > 2 {
            rings.append(points)
        } else {
            for case let part as [Any] in node { collect(part) }
        }
    }

    var svg: String {
        let all = rings.joined()
        var (west, east, north, south) = (-180.0, 180.0, -90.0, 90.0)
        if let left = all.map(\.x).min(), let right = all.map(\.x).max(), let top = all.map(\.y).min(), let bottom = all.map(\.y).max() {
            // Room around, and never so close that one scene fills the map: it should show where it lies.
            let side = max(4, 1.6 * max(right - left, 2 * (bottom - top)))
            if side < 360 {
                let (x, y) = ((left + right) / 2, (top + bottom) / 2)
                (west, east, north, south) = (x - side / 2, x + side / 2, y - side / 4, y + side / 4)
            }
        }
        let width = east - west
        let step = [30.0, 10, 5, 2, 1, 0.5].first { width / $0 >= 5 } ?? 0.5
        var lines: [String] = []
        var labels: [String] = []
        let size = width / 60
        for index in Int((west / step).rounded(.up))...Int((east / step).rounded(.down)) {
            let x = Double(index) * step
            lines.append("M\(Self.number(x)) \(Self.number(north))V\(Self.number(south))")
            labels.append("<text x=\"\(Self.number(x))\" y=\"\(Self.number(south - size * 0.3))\">\(Self.number(x))°</text>")
        }
        for index in Int((north / step).rounded(.up))...Int((south / step).rounded(.down)) {
            let y = Double(index) * step
            lines.append("M\(Self.number(west)) \(Self.number(y))H\(Self.number(east))")
            // The corner belongs to the longitudes.
            if south - y >= 2 * size {
                labels.append("<text x=\"\(Self.number(west + size * 0.3))\" y=\"\(Self.number(y - size * 0.2))\">\(Self.number(-y))°</text>")
            }
        }
        let shapes = rings.map { ring in
            "M" + ring.map { "\(Self.number($0.x)) \(Self.number($0.y))" }.joined(separator: "L") + "Z"
        }
        return """
            <svg viewBox="\(Self.number(west)) \(Self.number(north)) \(Self.number(width)) \(Self.number(south - north))" role="img" \
            aria-label="Footprints of the scenes added" font-size="\(Self.number(size))">\
            <path class="grid" d="\(lines.joined())" stroke-width="\(Self.number(width / 1500))"/>\
            <g class="label">\(labels.joined())</g>\
            <path class="scene" d="\(shapes.joined())" stroke-width="\(Self.number(width / 500))"/></svg>
            """
    }

    private static func number(_ value: Double) -> String {
        // Zero added to a negative zero is zero: "0", not "-0".
        let text = String(format: "%.4f", value + 0)
        return text.contains(".") ? String(text.trimmingSuffix { $0 == "0" }.trimmingSuffix { $0 == "." }) : text
    }
}

extension StringProtocol {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> SubSequence {
        var end = endIndex
        while end > startIndex, predicate(self[index(before: end)]) { end = index(before: end) }
        return self[startIndex..<end]
    }
}
