import Foundation
import TileGrid

/// Takes the polygons out of GeoJSON (RFC 7946): a geometry, a Feature or a FeatureCollection.
struct GeoJSONReader {
    /// What to call the source in an error.
    let name: String
    /// GeometryCollections inside GeometryCollections; deeper than anybody means.
    private static let maximumDepth = 16

    /// The coordinate system that an object names, where it is not that of GeoJSON.
    static func foreignSystem(of object: [String: Any]) -> String? {
        guard let system = object["crs"] as? [String: Any], let properties = system["properties"] as? [String: Any],
            let crs = properties["name"] as? String, !crs.hasSuffix("CRS84"), !crs.hasSuffix(":4326")
        else { return nil }
        return crs
    }

    func polygons(of data: Data) throws -> [[[Point]]] {
        guard let object = try? JSONSerialization.jsonObject(with: data) else {
            throw AreaOfInterestError(name, "it is not JSON")
        }
        return try polygons(in: object, depth: 0)
    }

    private func polygons(in value: Any?, depth: Int) throws -> [[[Point]]] {
        guard depth < Self.maximumDepth, let object = value as? [String: Any], let type = object["type"] as? String else {
            throw AreaOfInterestError(name, "it is not GeoJSON: an object with a “type” is missing")
        }
        if let crs = Self.foreignSystem(of: object) {
            throw AreaOfInterestError(name, "its coordinates are in \(crs); GeoJSON is in WGS84 degrees (EPSG:4326)")
        }
        switch type {
        case "FeatureCollection": return try members("features", of: object, depth: depth)
        case "GeometryCollection": return try members("geometries", of: object, depth: depth)
        case "Feature": return try polygons(in: object["geometry"], depth: depth + 1)
        case "Polygon": return [try rings(object["coordinates"])]
        case "MultiPolygon":
            guard let parts = object["coordinates"] as? [Any] else { throw malformed("MultiPolygon") }
            return try parts.map(rings)
        case "Point", "MultiPoint", "LineString", "MultiLineString":
            throw AreaOfInterestError(name, "it has a \(type) where a Polygon or MultiPolygon is needed")
        default:
            throw AreaOfInterestError(name, "it is not GeoJSON: unknown type “\(type)”")
        }
    }

    private func members(_ key: String, of object: [String: Any], depth: Int) throws -> [[[Point]]] {
        guard let members = object[key] as? [Any] else { throw AreaOfInterestError(name, "it has no “\(key)”") }
        return try members.flatMap { try polygons(in: $0, depth: depth + 1) }
    }

    private func rings(_ value: Any?) throws -> [[Point]] {
        guard let rings = value as? [Any], !rings.isEmpty else { throw malformed("Polygon") }
        return try rings.map { ring in
            guard let positions = ring as? [Any] else { throw malformed("ring") }
            return try positions.map { position in
                guard let numbers = position as? [Any], numbers.count >= 2, let x = number(numbers[0]),
                    let y = number(numbers[1])
                else { throw malformed("position") }
                return Point(x: x, y: y)
            }
        }
    }

    private func number(_ value: Any) -> Double? {
        (value as? NSNumber)?.doubleValue
    }

    private func malformed(_ part: String) -> AreaOfInterestError {
        AreaOfInterestError(name, "the coordinates of a \(part) are malformed")
    }
}
