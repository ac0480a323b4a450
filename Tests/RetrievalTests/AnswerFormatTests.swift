import Foundation
import TileGrid
import Testing

@testable import Retrieval

@Suite("Answers for machines")
struct AnswerFormatTests {
    private static let hits = (1...3).map { rank in
        TileHit(
            rank: rank, tile: TileID(bytes: [UInt8](repeating: UInt8(rank), count: 16)), distance: Double(rank) / 8,
            collection: "naip", scene: rank == 2 ? "a \"quoted\", path.tif" : "plain.tif",
            acquired: rank == 3 ? nil : Date(timeIntervalSince1970: 1_598_832_000), validFraction: 1,
            cloudFraction: rank == 1 ? 0.25 : nil, longitude: -98.5, latitude: 47.25,
            footprint: #"{"type":"Polygon","coordinates":[[[1,2],[3,2],[3,4],[1,2]]]}"#)
    }
    private static let answer = Answer(model: "m", plan: "exact", exact: true, hits: hits)

    @Test("JSON comes back as it went")
    func json() throws {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        let text = try AnswerFormat.json.text(of: Self.answer)
        #expect(try decoder.decode(Answer.self, from: Data(text.utf8)) == Self.answer)
    }

    @Test("GeoJSON is read by our own intake, one polygon a hit")
    func geoJSON() throws {
        let text = try AnswerFormat.geojson.text(of: Self.answer)
        let polygons = try GeoJSONReader(name: "answer").polygons(of: Data(text.utf8))
        #expect(polygons.count == 3)
        #expect(polygons[0] == [[Point(x: 1, y: 2), Point(x: 3, y: 2), Point(x: 3, y: 4), Point(x: 1, y: 2)]])
    }

    @Test("Commas and quotes in a path are quoted after RFC 4180; absent values are empty")
    func csv() throws {
        let lines = try AnswerFormat.csv.text(of: Self.answer).split(separator: "\r\n")
        #expect(lines.count == 4)
        #expect(lines[2].contains("\"a \"\"quoted\"\", path.tif\""))
        #expect(lines[3].contains("plain.tif,,1.0,,-98.5,47.25"))
        #expect(lines[1].contains("2020-08-31T00:00:00Z"))
    }

    @Test("An empty answer is still well-formed", arguments: AnswerFormat.allCases)
    func empty(format: AnswerFormat) throws {
        #expect(try !format.text(of: Answer(model: "m", plan: "p", exact: true, hits: [])).isEmpty)
    }
}
