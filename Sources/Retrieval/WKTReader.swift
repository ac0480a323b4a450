import TileGrid

/// Takes the polygons out of well-known text (OGC 06-103r4, 7): POLYGON and MULTIPOLYGON, in two dimensions.
struct WKTReader {
    private let name: String
    private var rest: Substring

    /// By its first word: a file may be called polygon.geojson.
    static func accepts(_ text: String) -> Bool {
        let upper = text.uppercased(), keyword = upper.prefix { !$0.isWhitespace && $0 != "(" }
        return upper.hasPrefix("SRID=")
            || ["POLYGON", "MULTIPOLYGON", "POINT", "LINESTRING", "MULTIPOINT", "GEOMETRYCOLLECTION"].contains(String(keyword))
    }

    static func polygons(of text: String) throws -> [[[Point]]] {
        var reader = WKTReader(name: String(text.prefix(60)), rest: text[...])
        return try reader.polygons()
    }

    private mutating func polygons() throws -> [[[Point]]] {
        if rest.uppercased().hasPrefix("SRID=") {
            guard let end = rest.firstIndex(of: ";") else { throw error("the SRID is not followed by “;”") }
            let srid = rest[rest.index(rest.startIndex, offsetBy: 5)..<end]
            guard srid == "4326" else { throw error("its SRID is \(srid); give longitude and latitude, SRID 4326") }
            rest = rest[rest.index(after: end)...]
        }
        let keyword = word().uppercased()
        skipSpaces()
        if rest.uppercased().hasPrefix("EMPTY") { throw error("it is empty") }
        let polygons: [[[Point]]]
        switch keyword {
        case "POLYGON": polygons = [try rings()]
        case "MULTIPOLYGON": polygons = try list { try $0.rings() }
        default: throw error("a \(keyword) has no area; give a POLYGON or MULTIPOLYGON")
        }
        skipSpaces()
        guard rest.isEmpty else { throw error("“\(rest.prefix(20))” follows its end") }
        return polygons
    }

    private mutating func rings() throws -> [[Point]] {
        try list { try $0.list { try $0.point() } }
    }

    private mutating func point() throws -> Point {
        Point(x: try number(), y: try number())
    }

    private mutating func number() throws -> Double {
        let text = word()
        guard let value = Double(text) else { throw error("“\(text)” is no number") }
        return value
    }

    private mutating func list<Element>(_ element: (inout WKTReader) throws -> Element) throws -> [Element] {
        try expect("(")
        var elements: [Element] = []
        repeat { elements.append(try element(&self)) } while take(",")
        try expect(")")
        return elements
    }

    private mutating func word() -> String {
        skipSpaces()
        let end = rest.firstIndex { $0.isWhitespace || "(),".contains($0) } ?? rest.endIndex
        defer { rest = rest[end...] }
        return String(rest[..<end])
    }

    private mutating func take(_ character: Character) -> Bool {
        skipSpaces()
        guard rest.first == character else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func expect(_ character: Character) throws {
        guard take(character) else {
            throw error("“\(character)” is missing before “\(rest.prefix(20))” (two coordinates to a point)")
        }
    }

    private mutating func skipSpaces() {
        rest = rest.drop { $0.isWhitespace }
    }

    private func error(_ reason: String) -> AreaOfInterestError {
        AreaOfInterestError(name, reason)
    }
}
