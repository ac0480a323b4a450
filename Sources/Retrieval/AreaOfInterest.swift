import Foundation
import TileGrid

/// The area that a search is confined to: polygons in WGS84 degrees, longitude first.
///
/// Comes as a bounding box, as WKT, or as a GeoJSON file or text. Ranges, closed rings and the order of the axes are
/// checked here; whether a ring crosses itself is PostGIS's to say.
public struct AreaOfInterest: Hashable, Sendable {
    /// Polygons, each its outer ring and then its holes; every ring closed.
    public let polygons: [[[Point]]]

    /// - Parameter source: `W,S,E,N` in degrees (W > E crosses the antimeridian), `POLYGON ((…))` or `MULTIPOLYGON (((…)))`
    ///   in WKT or EWKT with SRID 4326, GeoJSON text, or the path of a GeoJSON file.
    /// - Throws: `AreaOfInterestError`.
    public init(_ source: String) throws {
        let text = source.trimmingCharacters(in: .whitespacesAndNewlines)
        if text.isEmpty { throw AreaOfInterestError("", "it is empty") }
        if let box = Self.boundingBox(text) {
            do {
                self.init(try Footprint(bounds: box))
            } catch let error as TileGridError {
                throw AreaOfInterestError(text, error.reason)
            }
        } else if text.hasPrefix("{") {
            self.init(polygons: try GeoJSONReader(name: "the GeoJSON text").polygons(of: Data(text.utf8)))
        } else if WKTReader.accepts(text) {
            self.init(polygons: try WKTReader.polygons(of: text))
        } else {
            self.init(polygons: try GeoJSONReader(name: text).polygons(of: Self.contents(of: text)))
        }
        try validate(name: String(text.prefix(60)))
    }

    public init(_ footprint: Footprint) {
        self.init(polygons: footprint.polygons.map { [$0] })
    }

    /// The same with longitude and latitude exchanged; nil where that is no place on the Earth.
    var transposed: AreaOfInterest? {
        guard polygons.joined().joined().allSatisfy({ abs($0.x) <= 90 }) else { return nil }
        return AreaOfInterest(polygons: polygons.map { $0.map { $0.map { Point(x: $0.y, y: $0.x) } } })
    }

    private init(polygons: [[[Point]]]) {
        self.polygons = polygons
    }

    /// As well-known text, a MULTIPOLYGON.
    public var wkt: String {
        let bodies = polygons.map { rings in
            "(" + rings.map { ring in
                "(" + ring.map { "\($0.x) \($0.y)" }.joined(separator: ",") + ")"
            }.joined(separator: ",") + ")"
        }
        return "MULTIPOLYGON(" + bodies.joined(separator: ",") + ")"
    }

    private static func boundingBox(_ text: String) -> Footprint.Bounds? {
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false)
            .map { Double($0.trimmingCharacters(in: .whitespaces)) }
        guard numbers.count == 4, let west = numbers[0], let south = numbers[1], let east = numbers[2],
            let north = numbers[3]
        else { return nil }
        return Footprint.Bounds(west: west, south: south, east: east, north: north)
    }

    private static func contents(of path: String) throws -> Data {
        guard FileManager.default.fileExists(atPath: path) else {
            throw AreaOfInterestError(
                path, "it is neither a bounding box (W,S,E,N), nor WKT, nor GeoJSON, nor a file that exists")
        }
        do {
            return try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw AreaOfInterestError(path, "the file cannot be read: \(error.localizedDescription)")
        }
    }

    private func validate(name: String) throws {
        guard !polygons.isEmpty else { throw AreaOfInterestError(name, "it has no polygon") }
        let points = polygons.joined().joined()
        if let bad = points.first(where: { !$0.isFinite }) {
            throw AreaOfInterestError(name, "it has a coordinate that is no number (\(bad.x), \(bad.y))")
        }
        if let bad = points.first(where: { abs($0.y) > 90 }) {
            let swapped = points.allSatisfy { abs($0.x) <= 90 && abs($0.y) <= 180 }
            throw AreaOfInterestError(
                name, "latitude \(bad.y) is beyond 90°" + (swapped
                    ? "; is it latitude, longitude? GeoJSON, WKT and bounding boxes here have the longitude first" : ""))
        }
        if let bad = points.first(where: { abs($0.x) > 180 }) {
            throw AreaOfInterestError(
                name, "longitude \(bad.x) is beyond 180°; split the polygon at the antimeridian, as RFC 7946 asks")
        }
        for ring in polygons.joined() {
            guard ring.count >= 4 else { throw AreaOfInterestError(name, "a ring has fewer than 4 points") }
            guard ring.first == ring.last else {
                throw AreaOfInterestError(name, "a ring is not closed: its last point must be its first")
            }
        }
    }
}

/// Why an area of interest cannot be used.
public struct AreaOfInterestError: Error, Hashable, Sendable, CustomStringConvertible {
    public let source: String
    public let reason: String

    init(_ source: String, _ reason: String) {
        self.source = source
        self.reason = reason
    }

    public var description: String { "cannot search within “\(source)”: \(reason)" }
}
