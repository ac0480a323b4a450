import Foundation
import Testing
import TileGrid

@testable import Retrieval

@Suite("Area of interest")
struct AreaOfInterestTests {
    private static let square = [[[
        Point(x: 10, y: 40), Point(x: 12, y: 40), Point(x: 12, y: 41), Point(x: 10, y: 41), Point(x: 10, y: 40),
    ]]]

    @Test("The same square, however it is written", arguments: [
        "POLYGON((10 40, 12 40, 12 41, 10 41, 10 40))",
        "  polygon ( ( 10 40,12 40,12 41,10 41,10 40 ) ) ",
        "SRID=4326;MULTIPOLYGON(((10 40,12 40,12 41,10 41,10 40)))",
        #"{"type":"Polygon","coordinates":[[[10,40],[12,40],[12,41],[10,41],[10,40]]]}"#,
        #"{"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[[[10,40,5],[12,40,5],[12,41,5],[10,41,5],[10,40,5]]]}}"#,
        #"{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"MultiPolygon","coordinates":[[[[10,40],[12,40],[12,41],[10,41],[10,40]]]]}}]}"#,
    ])
    func forms(text: String) throws {
        #expect(try AreaOfInterest(text).polygons == Self.square)
    }

    @Test("A bounding box with west beyond east crosses the antimeridian: two polygons")
    func antimeridian() throws {
        let area = try AreaOfInterest("170,-20,-170,-10")
        #expect(area.polygons.count == 2)
        #expect(area.polygons.joined().joined().allSatisfy { abs($0.x) >= 170 })
    }

    @Test("Well-known text is read as it was written")
    func roundTrip() throws {
        let area = try AreaOfInterest("POLYGON((0 0,10 0,10 10,0 10,0 0),(2 2,4 2,4 4,2 4,2 2))")
        #expect(area.polygons[0].count == 2)
        #expect(try AreaOfInterest(area.wkt) == area)
    }

    @Test("A GeoJSON file is read")
    func file() throws {
        let path = NSTemporaryDirectory() + "aoi-\(UUID().uuidString).geojson"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try #"{"type":"Polygon","coordinates":[[[10,40],[12,40],[12,41],[10,41],[10,40]]]}"#
            .write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try AreaOfInterest(path).polygons == Self.square)
    }

    @Test("What cannot be used is refused with its reason", arguments: [
        ("", "empty"),
        ("no-such-file.geojson", "nor a file that exists"),
        ("polygon.geojson", "nor a file that exists"),
        ("POLYGONS.json", "nor a file that exists"),
        ("points.geojson", "nor a file that exists"),
        ("multipolygon/area.geojson", "nor a file that exists"),
        ("POLYGON", "is missing"),
        ("{\"type\":", "not JSON"),
        ("{\"kind\":1}", "not GeoJSON"),
        (#"{"type":"FeatureCollection","features":[]}"#, "no polygon"),
        (#"{"type":"Point","coordinates":[1,2]}"#, "Polygon"),
        (#"{"type":"Polygon","coordinates":[[[40,100],[41,100],[41,120],[40,100]]]}"#, "longitude first"),
        (#"{"type":"Polygon","coordinates":[[[10,40],[12,40],[12,41],[10,41]]]}"#, "not closed"),
        (#"{"type":"Polygon","coordinates":[[[10,40],[10,40]]]}"#, "fewer than 4"),
        (#"{"type":"Polygon","coordinates":"x"}"#, "malformed"),
        (#"{"type":"Polygon","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::32633"}},"coordinates":[]}"#, "32633"),
        ("POLYGON EMPTY", "empty"),
        ("POINT(1 2)", "no area"),
        ("SRID=3857;POLYGON((0 0,1 0,1 1,0 0))", "SRID"),
        ("POLYGON((0 0,1 0,1 1,0 0)) x", "follows its end"),
        ("POLYGON((0 0 7,1 0 7,1 1 7,0 0 7))", "two coordinates"),
        ("POLYGON((a 0,1 0,1 1,0 0))", "no number"),
        ("POLYGON((0 nan,1 0,1 1,0 nan))", "no number"),
        ("POLYGON((190 0,191 0,191 1,190 0))", "antimeridian"),
        ("10,50,20,40", "cannot search within"),
    ])
    func refused(text: String, reason: String) throws {
        let error = #expect(throws: AreaOfInterestError.self) { try AreaOfInterest(text) }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "accepted")")
    }
}
