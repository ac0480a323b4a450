import Foundation
import PostgreSQL
import Testing
import TestCluster
import TileGrid
import TileStore

@Suite struct SearchTests {
    /// Twelve tiles in a row along the equator, 0.1° wide, published.
    private func published(_ count: Int = 12, dimension: Int = 8) throws -> StoreFixture {
        let f = try StoreFixture(dimension: dimension)
        let scene = try f.addScene(1, acquired: Date(timeIntervalSince1970: 1_600_000_000))
        _ = try f.store.merge((0..<count).map { f.row($0, scene: scene, at: (Double($0) / 10, 0), valid: $0 % 2 == 0 ? 1 : 0.5, cloud: $0 % 3 == 0 ? nil : 0.2) }, run: f.run)
        try f.store.finishScene(scene, run: f.run)
        try f.store.finish(f.run, .published)
        return f
    }

    private func cosineDistance(_ a: [Float], _ b: [Float]) -> Double { 1 - zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }

    @Test func likeATileIsEveryOtherTileByDistance() throws {
        let f = try published()
        let answer = try f.store.search(SearchRequest(likeTile: StoreFixture.id(3), k: 20))
        let query = StoreFixture.direction(3, 8)
        let wanted = (0..<12).filter { $0 != 3 }.map { ($0, cosineDistance(query, StoreFixture.direction($0, 8))) }.sorted { $0.1 < $1.1 }
        #expect(answer.hits.map(\.tileID) == wanted.map { StoreFixture.id($0.0) })
        #expect(answer.hits.map(\.rank) == Array(1...11))
        for (hit, expected) in zip(answer.hits, wanted) { #expect(abs(hit.distance - expected.1) < 2e-3) }
        #expect(answer.exact && answer.plan.hasPrefix("exact"))
        #expect(answer.hits[0].collection == "c" && answer.hits[0].scenePath == "/scenes/1.tif")
    }

    /// Pages go on from where the last tile was, also where that gave way to a better one of its place, or is no longer shown.
    @Test(arguments: [false, true]) func pagesGoOnWhateverIsPublishedMeanwhile(_ byExtension: Bool) throws {
        func look(_ angle: Float) -> [Float] { [cos(angle), sin(angle)] }
        var f = try StoreFixture(dimension: 2)
        try f.store.connection.query("SELECT tilescout.settle_packs($1)", [byExtension])
        func publish(_ tiles: [(number: Int, place: Int, angle: Float)], scene number: Int) throws {
            let scene = try f.addScene(number)
            _ = try f.store.merge(tiles.map { f.row($0.number, scene: scene, at: (Double($0.place), 0), embedding: look($0.angle)) }, run: f.run)
            try f.store.finishScene(scene, run: f.run)
            try f.store.finish(f.run, .published)
        }
        func page(_ after: Int?, onePerPlace: Bool) throws -> [String] {
            let after = after.map { ", after => '\(StoreFixture.id($0))'" } ?? ""
            return try f.store.connection.query("SELECT tile_id::text AS tile FROM tilescout.search(embedding => '[1,0]', k => 2, one_per_place => \(onePerPlace)\(after)) ORDER BY rank").map { try $0["tile"] }
        }
        func ids(_ numbers: Int...) -> [String] { numbers.map { "\(StoreFixture.id($0))" } }
        try publish((0..<6).map { ($0, $0, 0.1 * Float($0 + 1)) }, scene: 1)
        for onePerPlace in [false, true] {
            #expect(try page(nil, onePerPlace: onePerPlace) == ids(0, 1))
            #expect(try page(1, onePerPlace: onePerPlace) == ids(2, 3))
        }
        f.run = try f.store.beginRun(f.run.request)
        let later = f.run
        try publish([(10, 1, 0.05), (11, 9, 0.35)], scene: 2)
        #expect(try page(1, onePerPlace: true) == ids(2, 11))
        #expect(try page(11, onePerPlace: true) == ids(3, 4))
        #expect(try page(1, onePerPlace: false) == ids(2, 11))
        _ = try f.store.rollBack(runID: later.id)
        for onePerPlace in [false, true] { #expect(try page(11, onePerPlace: onePerPlace) == ids(3, 4)) }
    }

    @Test func filtersHold() throws {
        let f = try published()
        var request = SearchRequest(embedding: StoreFixture.direction(3, 8), k: 20)
        request.countPassing = true
        #expect(try f.store.search(request).rowsPassing == 12)
        request.within = .wkt("POLYGON((0.05 0.05, 0.35 0.05, 0.35 0.08, 0.05 0.08, 0.05 0.05))")
        #expect(Set(try f.store.search(request).hits.map(\.tileID)) == Set((0...3).map(StoreFixture.id)))
        request.minValid = 0.9
        #expect(Set(try f.store.search(request).hits.map(\.tileID)) == Set([0, 2].map(StoreFixture.id)))
        request.minValid = nil
        request.maxCloud = 0.3
        #expect(Set(try f.store.search(request).hits.map(\.tileID)) == Set([1, 2].map(StoreFixture.id)), "no cloud information is no pass")
        request.acquired = TimeRange(from: Date(timeIntervalSince1970: 1_600_000_001), to: nil)
        #expect(try f.store.search(request).hits.isEmpty)
        request.acquired = TimeRange(from: Date(timeIntervalSince1970: 1_600_000_000), to: Date(timeIntervalSince1970: 1_600_000_001))
        #expect(try f.store.search(request).rowsPassing == 2)
    }

    @Test func oneOfEachPlaceStillGivesKPlaces() throws {
        let f = try StoreFixture()
        let scene = try f.addScene(1)
        // Ten places, thirty tiles at each, shifted by a few per cent.
        let rows = (0..<300).map { f.row($0, scene: scene, at: (Double($0 % 10), Double($0 / 10) * 0.001)) }
        _ = try f.store.merge(rows, run: f.run)
        try f.store.finish(f.run, .published)
        for k in [1, 5, 10, 20] {
            var request = SearchRequest(embedding: StoreFixture.direction(1000, 8), k: k)
            let all = try f.store.search(SearchRequest(embedding: StoreFixture.direction(1000, 8), k: 300)).hits
            request.onePerPlace = true
            let hits = try f.store.search(request).hits
            var places: Set<Int> = []
            let greedy = all.filter { places.insert(Int($0.lon.rounded(.down))).inserted }.prefix(k)
            #expect(hits.count == min(k, 10))
            #expect(hits.map(\.tileID) == greedy.map(\.tileID))
        }
    }

    @Test func feedbackMovesTowardsPositivesAndAwayFromNegatives() throws {
        let f = try published()
        var request = SearchRequest(k: 20)
        request.positives = [0, 1].map(StoreFixture.id)
        request.negatives = [StoreFixture.id(2)]
        request.excludeSelf = false
        let a = StoreFixture.direction(0, 8), b = StoreFixture.direction(1, 8), c = StoreFixture.direction(2, 8)
        let query = StoreFixture.unit((0..<8).map { (a[$0] + b[$0]) / 2 - c[$0] / 2 })
        let wanted = (0..<12).sorted { cosineDistance(query, StoreFixture.direction($0, 8)) < cosineDistance(query, StoreFixture.direction($1, 8)) }
        #expect(try f.store.search(request).hits.map(\.tileID) == wanted.map(StoreFixture.id))
        request.excludeSelf = true
        #expect(try f.store.search(request).hits.count == 9)
    }

    @Test func anAreaAcrossTheAntimeridianFindsBothSides() throws {
        let f = try StoreFixture()
        let scene = try f.addScene(1)
        _ = try f.store.merge([f.row(0, scene: scene, at: (179.5, 0)), f.row(1, scene: scene, at: (-179.6, 0)), f.row(2, scene: scene, at: (0, 0))], run: f.run)
        try f.store.finish(f.run, .published)
        var request = SearchRequest(embedding: StoreFixture.direction(0, 8))
        for area in ["POLYGON((179 -1, 181 -1, 181 1, 179 1, 179 -1))", "POLYGON((-181 -1, -179 -1, -179 1, -181 1, -181 -1))",
                     "MULTIPOLYGON(((179 -1, 180 -1, 180 1, 179 1, 179 -1)), ((-180 -1, -179 -1, -179 1, -180 1, -180 -1)))"] {
            request.within = .wkt(area)
            #expect(Set(try f.store.search(request).hits.map(\.tileID)) == [StoreFixture.id(0), StoreFixture.id(1)])
        }
        request.within = try .bounds(.init(west: 179, south: -1, east: -179, north: 1))
        #expect(try f.store.search(request).hits.count == 2)
        request.within = .wkt("SRID=3857;" + "POLYGON((-1000 -1000, 20000 -1000, 20000 20000, -1000 20000, -1000 -1000))")
        #expect(try f.store.search(request).hits.map(\.tileID) == [StoreFixture.id(2)])
    }

    @Test(arguments: [
        ("POLYGON((0 0, 1 1, 1 0, 0 1, 0 0))", "not valid: Self-intersection"), ("POLYGON EMPTY", "empty"), ("POINT(1 1)", "polygon or multipolygon"),
        ("POLYGON((10 100, 11 100, 11 101, 10 101, 10 100))", "latitude"), ("POLYGON((1e6 0, 1e6 1, 2e6 1, 1e6 0))", "longitude"), ("nonsense", "parse error"),
    ])
    func badAreasAreRefusedWithTheReason(_ area: String, _ reason: String) throws {
        let f = try published(3)
        var request = SearchRequest(embedding: StoreFixture.direction(0, 8))
        request.within = .wkt(area)
        let error = #expect(throws: PostgreSQLError.self) { try f.store.search(request) }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test func geoJSONComesInItsUsualForms() throws {
        let f = try published()
        let polygon = #"{"type":"Polygon","coordinates":[[[0.05,0.05],[0.35,0.05],[0.35,0.08],[0.05,0.08],[0.05,0.05]]]}"#
        var request = SearchRequest(embedding: StoreFixture.direction(0, 8))
        for text in [polygon, #"{"type":"Feature","properties":{},"geometry":\#(polygon)}"#, #"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},"geometry":\#(polygon)}]}"#] {
            request.within = .geoJSON(text)
            #expect(try f.store.search(request).hits.count == 4)
        }
        for (text, reason) in [("POLYGON", "no JSON"), ("{}", "no GeoJSON"), (#"{"type":"FeatureCollection","features":[]}"#, "without a geometry"), ("[1]", "no GeoJSON")] {
            request.within = .geoJSON(text)
            let error = #expect(throws: PostgreSQLError.self) { try f.store.search(request) }
            #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
        }
    }

    @Test func otherBadRequestsAreRefusedWithTheReason() throws {
        let f = try published(3)
        let query = StoreFixture.direction(0, 8)
        func refusal(_ change: (inout SearchRequest) -> Void) -> String {
            var request = SearchRequest(embedding: query)
            change(&request)
            do { _ = try f.store.search(request) } catch { return "\(error)" }
            return "accepted"
        }
        #expect(refusal { $0.k = 0 }.contains("k is 0, but must be 1 to 10000"))
        #expect(refusal { $0.k = -1 }.contains("1 to 10000"))
        #expect(refusal { $0.k = 1_000_000_000_000 }.contains("1 to 10000"))
        #expect(refusal { $0.embedding = [1, 2] }.contains("2 dimensions"))
        #expect(refusal { $0.embedding = [Float](repeating: 0, count: 8) }.contains("zero"))
        #expect(refusal { $0.embedding = [Float](repeating: .nan, count: 8) }.contains("no number"))
        #expect(refusal { $0.embedding = nil }.contains("nothing to look for"))
        #expect(refusal { $0.likeTile = StoreFixture.id(0) }.contains("two answers"))
        #expect(refusal { $0.embedding = nil; $0.likeTile = StoreFixture.id(99) }.contains("there is no tile"))
        #expect(refusal { $0.model = "'; DROP SCHEMA tilescout CASCADE; --" }.contains("there is no model"))
        #expect(refusal { $0.collections = ["x'y"] }.contains("there is no collection x'y"))
        #expect(refusal { $0.collections = [] }.contains("empty"))
        #expect(refusal { $0.minValid = 2 }.contains("0 to 1"))
        #expect(refusal { $0.maxCloud = .nan }.contains("0 to 1"))
        #expect(refusal { $0.acquired = TimeRange(from: Date(timeIntervalSince1970: 1), to: Date(timeIntervalSince1970: 0)) }.contains("range"))
    }

    @Test func vectorsOfTwoModelsAreNeverCompared() throws {
        let f = try published(3)
        _ = try f.store.register(ModelDescription(name: "other", weightsSHA256: String(repeating: "b", count: 64), preprocessing: "{}", dimension: 8))
        func refusal(_ request: SearchRequest) -> String {
            do { _ = try f.store.search(request) } catch { return "\(error)" }
            return "accepted"
        }
        #expect(refusal(SearchRequest(embedding: StoreFixture.direction(0, 8))).contains("several models have vectors of 8 dimensions"))
        var request = SearchRequest(likeTile: StoreFixture.id(0))
        #expect(try f.store.search(request).hits.count == 2, "the serving model answers")
        request.model = "other"
        #expect(refusal(request).contains("no embedding of model other"))
    }
}
