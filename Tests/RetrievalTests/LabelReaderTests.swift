import Foundation
import Testing

@testable import Retrieval

@Suite struct LabelReaderTests {
    private func places(_ text: String, _ name: String = "labels.csv", field: String? = nil) throws -> [LabelledPlace] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("labels-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent(name).path
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return try LabelReader(path: path, field: field).places()
    }

    private func complaint(_ text: String, _ name: String = "labels.csv", field: String? = nil) -> String {
        do {
            return "no error: \(try places(text, name, field: field))"
        } catch {
            return "\(error)"
        }
    }

    @Test func tablesNameTheirColumnsAsPeopleDo() throws {
        let read = try places("id,Latitude,Longitude,Label\r\n1,45.5,15.25,\"sports field\"\r\n\r\n2,-3,-60,forest\r\n")
        #expect(read.map(\.className) == ["sports field", "forest"])
        #expect(read.map(\.position) == ["line 2", "line 4"])
        #expect(read[0].lon == 15.25 && read[0].lat == 45.5)
        #expect(try places("x,y,kind\n1,2,3\n", field: "Kind")[0].className == "3")
    }

    @Test func featuresArePointsAndPolygons() throws {
        let text = """
            {"type":"FeatureCollection","features":[
             {"type":"Feature","properties":{"class":"a"},"geometry":{"type":"MultiPoint","coordinates":[[1,2],[3,4]]}},
             {"type":"Feature","properties":{"class":7},"geometry":{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}}]}
            """
        let read = try places(text, "labels.geojson")
        #expect(read.map(\.className) == ["a", "7"])
        #expect(read.map(\.lon) == [1, 0])
    }

    @Test func whatIsWrongIsNamedWithItsPlace() {
        #expect(complaint("lon,lat\n1,2\n").contains("names no class"))
        #expect(complaint("class,lat\na,2\n").contains("names no longitude"))
        #expect(complaint("lon,lat,class\n1,2\n").contains("line 2 has 2 fields"))
        #expect(complaint("lon,lat,class\n1,2,a\nx,2,a\n").contains("line 3: “x”, “2” are no degrees"))
        #expect(complaint("lon,lat,class\n12,151,a\n").contains("line 2: 12.0, 151.0 is not on the Earth; the longitude comes first"))
        #expect(complaint("lon,lat,class\nnan,1,a\n").contains("not on the Earth"))
        #expect(complaint("lon,lat,class\n1,1,\n").contains("cannot name a class"))
        #expect(complaint("lon,lat,class\n").contains("no labelled place"))
        func feature(_ properties: String, _ geometry: String) -> String {
            complaint(
                "{\"type\":\"FeatureCollection\",\"features\":[{\"properties\":\(properties),\"geometry\":\(geometry)}]}", "l.geojson")
        }
        #expect(feature("{\"class\":\"a\"}", "{\"type\":\"LineString\",\"coordinates\":[[0,0],[1,1]]}").contains("feature 1 is a LineString"))
        #expect(feature("{}", "{\"type\":\"Point\",\"coordinates\":[0,0]}").contains("no property class or label"))
        #expect(feature("{\"class\":null}", "{\"type\":\"Point\",\"coordinates\":[0,0]}").contains("no property class or label"))
        #expect(feature("{\"class\":\"a\"}", "{\"type\":\"Point\",\"coordinates\":[0,\"x\"]}").contains("malformed"))
        #expect(feature("{\"class\":\"a\"}", "{\"type\":\"Point\",\"coordinates\":[0,95]}").contains("not on the Earth"))
        #expect(feature("{\"class\":\"a\"}", "null").contains("feature 1 has no geometry"))
        #expect(complaint("{\"type\":\"Point\",\"coordinates\":[0,0]}", "l.json").contains("no FeatureCollection"))
        #expect(complaint("[", "l.json").contains("not GeoJSON"))
        #expect(
            complaint(
                "{\"type\":\"FeatureCollection\",\"crs\":{\"properties\":{\"name\":\"EPSG:3857\"}},\"features\":[]}", "l.geojson"
            ).contains("EPSG:3857"))
    }

    @Test func quotedFieldsKeepCommasAndQuotes() {
        #expect(LabelReader.fields("a,\"b, c\",\"d \"\"e\"\"\",") == ["a", "b, c", "d \"e\"", ""])
    }
}
