import Foundation

/// Reads labelled places: CSV with longitude, latitude and class, or GeoJSON features with a property for the class.
public struct LabelReader {
    private let path: String
    private let field: String?

    private static let longitudes: Set = ["lon", "long", "lng", "longitude", "x"]
    private static let latitudes: Set = ["lat", "latitude", "y"]
    private static let classes: Set = ["class", "label"]

    /// - Parameter field: the column or property that names the class; nil for `class` or `label`.
    public init(path: String, field: String? = nil) {
        self.path = path
        self.field = field
    }

    /// True where the file is one that this reads, by its extension.
    public static func reads(_ path: String) -> Bool {
        ["csv", "geojson", "json"].contains((path as NSString).pathExtension.lowercased())
    }

    /// - Throws: `LabelledPlaceError` with the line or the feature's number.
    public func places() throws -> [LabelledPlace] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw error("there is no such file, or it cannot be read")
        }
        return try places(in: data)
    }

    /// - Parameter data: the file's bytes.
    public func places(in data: Data) throws -> [LabelledPlace] {
        let isTable = (path as NSString).pathExtension.lowercased() == "csv"
        let places = try isTable ? table(data) : features(data)
        guard !places.isEmpty else { throw error("it has no labelled place") }
        return places
    }

    // MARK: CSV

    private func table(_ data: Data) throws -> [LabelledPlace] {
        guard let text = String(data: data, encoding: .utf8) else { throw error("it is not UTF-8 text") }
        let lines = text.replacing("\u{FEFF}", with: "").split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        let header = Self.fields(lines[0]).map { $0.lowercased() }
        func column(_ names: Set<String>, _ what: String) throws -> Int {
            guard let place = header.firstIndex(where: names.contains) else {
                throw error("its first line names no \(what) (\(names.sorted().joined(separator: ", "))): \(lines[0])")
            }
            return place
        }
        let lon = try column(Self.longitudes, "longitude"), lat = try column(Self.latitudes, "latitude")
        let name = try column(field.map { [$0.lowercased()] } ?? Self.classes, "class")
        return try lines.enumerated().dropFirst().compactMap { number, line in
            guard line.contains(where: { !$0.isWhitespace }) else { return nil }
            let position = "line \(number + 1)", fields = Self.fields(line)
            guard fields.count == header.count else {
                throw error("\(position) has \(fields.count) fields, the first line \(header.count)")
            }
            guard let x = Double(fields[lon]), let y = Double(fields[lat]) else {
                throw error("\(position): “\(fields[lon])”, “\(fields[lat])” are no degrees")
            }
            return try place(fields[name], "{\"type\":\"Point\",\"coordinates\":[\(x),\(y)]}", position, x, y)
        }
    }

    /// Fields of a line, quoted ones with doubled quotes (RFC 4180; no line breaks inside).
    static func fields(_ line: some StringProtocol) -> [String] {
        var fields = [""], isQuoted = false, wasQuote = false
        for character in line {
            if character == "\"" {
                if wasQuote, !isQuoted { fields[fields.count - 1].append(character) }
                isQuoted.toggle()
                wasQuote = true
                continue
            }
            wasQuote = false
            if character == ",", !isQuoted { fields.append("") } else { fields[fields.count - 1].append(character) }
        }
        return fields.map { $0.trimmingCharacters(in: .whitespaces) }
    }

    // MARK: GeoJSON

    private func features(_ data: Data) throws -> [LabelledPlace] {
        guard let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else { throw error("it is not GeoJSON") }
        if let crs = GeoJSONReader.foreignSystem(of: object) {
            throw error("its coordinates are in \(crs); GeoJSON is in WGS84 degrees (EPSG:4326)")
        }
        guard object["type"] as? String == "FeatureCollection", let features = object["features"] as? [Any] else {
            throw error("it is no FeatureCollection: each feature is a place, with a property for its class")
        }
        return try features.enumerated().map { index, value in
            let position = "feature \(index + 1)"
            guard let feature = value as? [String: Any], let geometry = feature["geometry"] as? [String: Any],
                let type = geometry["type"] as? String
            else { throw error("\(position) has no geometry") }
            guard ["Point", "MultiPoint", "Polygon", "MultiPolygon"].contains(type) else {
                throw error("\(position) is a \(type); points and polygons can be labelled")
            }
            let properties = feature["properties"] as? [String: Any] ?? [:]
            let names = field.map { [$0] } ?? Self.classes.sorted()
            guard let value = names.lazy.compactMap({ properties[$0] }).first, !(value is NSNull) else {
                throw error("\(position) has no property \(names.joined(separator: " or ")) that names its class")
            }
            let numbers = try Self.positions(geometry["coordinates"]) ?? { throw error("\(position): its coordinates are malformed") }()
            guard let text = try? JSONSerialization.data(withJSONObject: geometry, options: .sortedKeys), let first = numbers.first else {
                throw error("\(position): its coordinates are malformed")
            }
            for (x, y) in numbers { try check(x, y, position) }
            return try place("\(value)", String(decoding: text, as: UTF8.self), position, first.0, first.1)
        }
    }

    /// All positions in nested arrays; nil where something else is among them.
    private static func positions(_ value: Any?) -> [(Double, Double)]? {
        guard let values = value as? [Any], !values.isEmpty else { return nil }
        if values.count >= 2, let x = values[0] as? NSNumber, let y = values[1] as? NSNumber { return [(x.doubleValue, y.doubleValue)] }
        var all: [(Double, Double)] = []
        for part in values {
            guard let inner = positions(part) else { return nil }
            all += inner
        }
        return all
    }

    // MARK: Both

    private func place(_ name: String, _ geometry: String, _ position: String, _ x: Double, _ y: Double) throws -> LabelledPlace {
        try check(x, y, position)
        let name = name.trimmingCharacters(in: .whitespaces)
        guard !name.isEmpty, !name.contains("/"), !name.contains(",") else {
            throw error("\(position): “\(name)” cannot name a class; it is empty, or has a slash or a comma")
        }
        return LabelledPlace(className: name, geometry: geometry, position: position, lon: x, lat: y)
    }

    private func check(_ x: Double, _ y: Double, _ position: String) throws {
        guard (-180...180).contains(x), (-90...90).contains(y) else {
            let swapped = (-90...90).contains(x) && (-180...180).contains(y)
            throw error("\(position): \(x), \(y) is not on the Earth" + (swapped ? "; the longitude comes first" : ""))
        }
    }

    private func error(_ reason: String) -> LabelledPlaceError { LabelledPlaceError(path, reason) }
}
