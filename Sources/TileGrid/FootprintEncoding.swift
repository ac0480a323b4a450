extension Footprint {
    /// PostGIS's extended well-known binary, little endian, SRID 4326: a Polygon, or a MultiPolygon of several.
    public var ewkb: [UInt8] {
        var writer = WKBWriter()
        if polygons.count == 1 {
            writer.polygon(polygons[0], srid: 4326)
        } else {
            writer.multiPolygon(polygons, srid: 4326)
        }
        return writer.bytes
    }

    /// The geometry object of RFC 7946: a Polygon, or a MultiPolygon of several.
    public var geoJSON: String {
        func ring(_ points: [Point]) -> String {
            "[" + points.map { "[\($0.x),\($0.y)]" }.joined(separator: ",") + "]"
        }
        if polygons.count == 1 {
            return #"{"type":"Polygon","coordinates":["# + ring(polygons[0]) + "]}"
        }
        let parts = polygons.map { "[" + ring($0) + "]" }.joined(separator: ",")
        return #"{"type":"MultiPolygon","coordinates":["# + parts + "]}"
    }

    /// Well-known text, for messages and for `ST_GeomFromText`.
    public var wkt: String {
        func ring(_ points: [Point]) -> String {
            "(" + points.map { "\($0.x) \($0.y)" }.joined(separator: ",") + ")"
        }
        if polygons.count == 1 { return "POLYGON(" + ring(polygons[0]) + ")" }
        return "MULTIPOLYGON(" + polygons.map { "(" + ring($0) + ")" }.joined(separator: ",") + ")"
    }
}

/// OGC 06-103r4, 8.2, with PostGIS's SRID flag.
private struct WKBWriter {
    private(set) var bytes: [UInt8] = []

    private static let littleEndian: UInt8 = 1
    private static let polygonType: UInt32 = 3
    private static let multiPolygonType: UInt32 = 6
    private static let sridFlag: UInt32 = 0x2000_0000

    mutating func polygon(_ ring: [Point], srid: UInt32? = nil) {
        header(Self.polygonType, srid)
        append(UInt32(1))
        append(UInt32(ring.count))
        for point in ring {
            append(point.x.bitPattern)
            append(point.y.bitPattern)
        }
    }

    mutating func multiPolygon(_ rings: [[Point]], srid: UInt32) {
        header(Self.multiPolygonType, srid)
        append(UInt32(rings.count))
        for ring in rings { polygon(ring) }
    }

    private mutating func header(_ type: UInt32, _ srid: UInt32?) {
        bytes.append(Self.littleEndian)
        append(srid == nil ? type : type | Self.sridFlag)
        if let srid { append(srid) }
    }

    private mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
}
