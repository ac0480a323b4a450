import Foundation

/// How machines are given an answer.
public enum AnswerFormat: String, CaseIterable, Sendable {
    case json, geojson, csv

    /// The answer as text, its last line ended.
    public func text(of answer: Answer) throws -> String {
        switch self {
        case .json: try Self.encoder.encodedText(answer)
        case .geojson: try Self.encoder.encodedText(FeatureCollection(answer.hits))
        case .csv: Self.commaSeparated(answer.hits)
        }
    }

    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        return encoder
    }

    /// Comma-separated values after RFC 4180, the footprint left out.
    private static func commaSeparated(_ hits: [TileHit]) -> String {
        let header = "rank,tile,distance,collection,scene,acquired,valid_fraction,cloud_fraction,longitude,latitude"
        let rows = hits.map { hit in
            [
                "\(hit.rank)", "\(hit.tile)", "\(hit.distance)", hit.collection, hit.scene,
                hit.acquired?.ISO8601Format() ?? "", "\(hit.validFraction)", hit.cloudFraction.map { "\($0)" } ?? "",
                "\(hit.longitude)", "\(hit.latitude)",
            ].map(quoted).joined(separator: ",")
        }
        return ([header] + rows).joined(separator: "\r\n") + "\r\n"
    }

    private static func quoted(_ field: String) -> String {
        guard field.contains(where: { ",\"\r\n".contains($0) || $0.isNewline }) else { return field }
        return "\"" + field.replacing("\"", with: "\"\"") + "\""
    }
}

extension JSONEncoder {
    fileprivate func encodedText(_ value: some Encodable) throws -> String {
        String(decoding: try encode(value), as: UTF8.self) + "\n"
    }
}

/// The hits as GeoJSON (RFC 7946), for QGIS and the like.
private struct FeatureCollection: Encodable {
    let type = "FeatureCollection"
    let features: [Feature]

    struct Feature: Encodable {
        let type = "Feature"
        let id: String
        let geometry: JSONValue
        let properties: Properties
    }

    struct Properties: Encodable {
        let rank: Int
        let distance: Double
        let collection, scene: String
        let acquired: Date?
        let validFraction: Double
        let cloudFraction: Double?
    }

    init(_ hits: [TileHit]) throws {
        features = try hits.map { hit in
            Feature(
                id: hit.tile.description,
                geometry: try JSONDecoder().decode(JSONValue.self, from: Data(hit.footprint.utf8)),
                properties: Properties(
                    rank: hit.rank, distance: hit.distance, collection: hit.collection, scene: hit.scene,
                    acquired: hit.acquired, validFraction: hit.validFraction, cloudFraction: hit.cloudFraction))
        }
    }
}

/// JSON that is passed on as it came.
private enum JSONValue: Codable {
    case number(Double)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .number(let value): try container.encode(value)
        case .text(let value): try container.encode(value)
        case .list(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}
