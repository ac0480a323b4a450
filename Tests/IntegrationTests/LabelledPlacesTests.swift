import Embedding
import Foundation
import PostgreSQL
import Retrieval
import TestCluster
import TileGrid
import TileStore
import Testing
import Training

/// Classes that people give to places, over tiles that are ingested.
@Suite("Labelled places", .serialized)
final class LabelledPlacesTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("labels-\(UUID().uuidString)")
    private let store: TileStore
    private let program: CommandLineProgram
    private static let tileSize = 64

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let connection = try TestCluster.shared.get().migratedDatabase()
        let name: String = try connection.query("SELECT current_database() AS name")[0]["name"]
        let conninfo = try TestCluster.shared.get().cluster.conninfo(database: name).text
        store = TileStore(connection: connection)
        program = CommandLineProgram(environment: ["TILESCOUT_DATABASE": conninfo])
        // Stripes whose direction and width are the cell's: each tile shows one of five patterns.
        try GeneratedScene.write(to: path("scene.tif"), width: 640, height: 640, seed: 1)
        let ingested = try program.run(["ingest", path("scene.tif"), "--collection", "test", "--tile-size", "\(Self.tileSize)", "--quiet"])
        #expect(ingested.status == 0, "\(ingested.error)")
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    private struct Place {
        let id: UUID
        let x, y: Int
        let lon, lat: Double
        /// Of the scene's five patterns two pairs make one class each: nobody tells them by look before training.
        var kind: String { ["a", "b", "a", "b", "c"][(x / tileSize + 7 * (y / tileSize) + 1) % 5] }
    }

    private func tiles() throws -> [Place] {
        try store.connection.query(
            """
            SELECT id, x, y, public.st_x(public.st_centroid(footprint)) AS lon, public.st_y(public.st_centroid(footprint)) AS lat
            FROM tilescout.tiles ORDER BY y, x
            """
        ).map { Place(id: try $0["id"], x: try $0["x"], y: try $0["y"], lon: try $0["lon"], lat: try $0["lat"]) }
    }

    private func writeTable(_ places: [Place]) throws -> String {
        let text = "lon,lat,class\n" + places.map { "\($0.lon),\($0.lat),\($0.kind)\n" }.joined()
        try Data(text.utf8).write(to: URL(fileURLWithPath: path("places.csv")))
        return path("places.csv")
    }

    private func meanAveragePrecision(_ output: String) throws -> Double {
        let line = try #require(output.split(separator: "\n").first { $0.contains("mAP") }, "\(output)")
        return try #require(line.split(separator: " ").compactMap { Double($0) }.first, "\(output)")
    }

    @Test("A point's tile is the one that holds it, its picture is what the encoder saw")
    func pointsAndPictures() throws {
        let places = try tiles()
        #expect(places.count == 100)
        let labels = try LabelReader(path: writeTable(places)).places()
        let labelled = try LabelledTiles(labels, from: "places.csv", in: store, collections: ["test"])
        #expect(labelled.items.count == 100 && labelled.ambiguous == 0 && labelled.outside == 0 && labelled.overlaps.isEmpty)
        let kinds = Dictionary(uniqueKeysWithValues: places.map { ($0.id.uuidString.lowercased(), $0.kind) })
        for item in labelled.items {
            let id = item.tile.tileID.description.lowercased()
            #expect(kinds[id] == item.className, "\(id)")
        }
        // The stored vectors were made at ingest, from the pictures of then.
        let encoder = try Encoder(model: EncoderModel.load(), threads: 1)
        let embedded = try encoder.embed(labelled.images())
        for (item, row) in zip(labelled.items, embedded.rows).prefix(20) {
            var request = SearchRequest(embedding: Array(row), k: 1)
            request.excludeSelf = false
            let nearest = try #require(try store.search(request).hits.first)
            #expect(nearest.tileID == item.tile.tileID || nearest.distance < 1e-3)
            #expect(nearest.distance < 2e-3)
        }
    }

    @Test("A polygon labels the tiles that it covers by half; two classes in one tile leave it out")
    func polygons() throws {
        let places = try tiles()
        func corner(_ column: Double, _ row: Double) throws -> String {
            let found = try store.connection.query(
                """
                SELECT public.st_x(p) AS lon, public.st_y(p) AS lat
                FROM public.st_transform(public.st_setsrid(public.st_makepoint($1, $2), 32633), 4326) AS p
                """, [500_000 + 640 * column, 5_000_000 - 640 * row])[0]
            return "[\(try found["lon"] as Double),\(try found["lat"] as Double)]"
        }
        // Two tiles and 0.6 of the next wide, one and 0.4 high, in tiles: 3 × 1.
        let ring = try [(0, 0), (2.6, 0), (2.6, 1.4), (0, 1.4), (0, 0)].map { try corner($0.0, $0.1) }.joined(separator: ",")
        let other = try #require(places.first { $0.x == 64 && $0.y == 0 })
        let text = """
            {"type":"FeatureCollection","features":[
             {"type":"Feature","properties":{"kind":"field"},"geometry":{"type":"Polygon","coordinates":[[\(ring)]]}},
             {"type":"Feature","properties":{"kind":"pond"},"geometry":{"type":"Point","coordinates":[\(other.lon),\(other.lat)]}}]}
            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: path("places.geojson")))
        let labels = try LabelReader(path: path("places.geojson"), field: "kind").places()
        let labelled = try LabelledTiles(labels, from: "places.geojson", in: store)
        #expect(Set(labelled.items.map { [$0.tile.window.x, $0.tile.window.y] }) == [[0, 0], [128, 0]])
        #expect(labelled.items.allSatisfy { $0.className == "field" } && labelled.ambiguous == 1)
    }

    @Test("Training and evaluation on places; the same tiles in folders evaluate alike")
    func trainAndEvaluate() throws {
        let places = try tiles(), table = try writeTable(places)
        let untrained = try program.run(["evaluate", "efficientnet-lite0", table, "--collection", "test", "--precision", "float32"])
        #expect(untrained.status == 0, "\(untrained.error)")
        // The same tiles by another way: written as GeoTIFF and sorted into folders.
        _ = try program.run(["tile", path("scene.tif"), "--out", path("tiles"), "--tile-size", "64", "--quiet"])
        let written = try #require(FileManager.default.enumerator(atPath: path("tiles"))?.compactMap { $0 as? String })
            .filter { $0.hasSuffix(".tif") }
        #expect(written.count == 100)
        for place in places {
            let name = try #require(written.first { $0.contains("_x\(place.x)_y\(place.y)_") }, "\(written[0])")
            try FileManager.default.createDirectory(atPath: path("folders/\(place.kind)"), withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: path("tiles/\(name)"), toPath: path("folders/\(place.kind)/\(place.x)-\(place.y).tif"))
        }
        let sorted = try program.run(["evaluate", "efficientnet-lite0", path("folders"), "--precision", "float32"])
        #expect(sorted.status == 0, "\(sorted.error)")
        let before = try meanAveragePrecision(untrained.output)
        #expect(abs(before - (try meanAveragePrecision(sorted.output))) < 2e-4)

        let split = try program.run(["split", table, "--out", path("split.csv"), "--train", "0.7"])
        #expect(split.status == 0, "\(split.error)")
        let parts = try String(contentsOfFile: path("split.csv"), encoding: .utf8).split(separator: "\n").dropFirst()
        #expect(parts.count == 100 && parts.contains { $0.hasSuffix(",train") } && parts.contains { $0.hasSuffix(",test") })
        let trained = try program.run([
            "train", table, "--split", path("split.csv"), "--out", path("mine.safetensors"), "--epochs", "3", "--image-size", "64",
            "--dimension", "32", "--loss", "triplet-semihard", "--classes-per-batch", "3", "--images-per-class", "6", "--quiet",
            "--learning-rate", "5e-4",
        ])
        #expect(trained.status == 0, "\(trained.error)")
        let after = try meanAveragePrecision(
            program.run(["evaluate", path("mine.safetensors"), table, "--precision", "float32"]).output)
        #expect(after > before, "mAP \(before) before, \(after) after training")
        let tested = try program.run(["evaluate", path("mine.safetensors"), table, "--split", path("split.csv")])
        #expect(tested.status == 0, "\(tested.error)")
    }

    @Test("Overlapping tiles never stand on both sides of a split")
    func splitsDoNotLeak() throws {
        let outcome = try program.run([
            "ingest", path("scene.tif"), "--collection", "overlapping", "--tile-size", "64", "--overlap", "32", "--quiet",
        ])
        #expect(outcome.status == 0, "\(outcome.error)")
        let table = try writeTable(try tiles().filter { $0.x % 64 == 0 && $0.y % 64 == 0 })
        for seed in 1...3 {
            let split = try program.run([
                "split", table, "--collection", "overlapping", "--out", path("split.csv"), "--train", "0.6", "--seed", "\(seed)",
            ])
            #expect(split.status == 0 && split.output.contains("unused"), "\(split.error)\(split.output)")
            let lines = try String(contentsOfFile: path("split.csv"), encoding: .utf8).split(separator: "\n").dropFirst()
            let parts = lines.map { $0.split(whereSeparator: { $0 == "/" || $0 == "," }) }
            func ids(_ part: String) -> [String] { parts.filter { $0[3] == part }.map { String($0[1]) } }
            let leaks: Int = try store.connection.query(
                """
                SELECT count(*) AS n FROM tilescout.tile AS a, tilescout.tile AS b
                WHERE a.id = ANY ($1::text[]::uuid[]) AND b.id = ANY ($2::text[]::uuid[])
                  AND public.st_area(public.st_intersection(a.footprint, b.footprint)) > 0.02 * public.st_area(a.footprint)
                """, [ids("train"), ids("test")])[0]["n"]
            #expect(leaks == 0 && !ids("test").isEmpty && !ids("train").isEmpty)
        }
    }

    @Test("What cannot be used is named", arguments: [
        ("lon,lat,class\n100,10,a\n", [], 65, "line 2 (a, at 100.0, 10.0) lies in no tile"),
        ("lon,lat,class\n15.01,45.14,a\n100,10,b\n", ["--ignore-outside"], 65, "class a has 1 of the 2 images"),
        ("lon,lat,class\n15.01,45.14,a\n", ["--collection", "nowhere"], 65, "nowhere"),
        ("lon,lat\n15.01,45.14\n", [], 65, "names no class"),
    ])
    func refusals(_ text: String, _ extra: [String], _ status: Int32, _ reason: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path("bad.csv")))
        let outcome = try program.run(
            ["train", path("bad.csv"), "--out", path("bad.safetensors"), "--loss", "contrastive", "--classes-per-batch", "2", "--images-per-class", "2", "--quiet"]
                + extra)
        #expect(outcome.status == status && outcome.error.contains(reason), "\(outcome.status) \(outcome.error)")
        #expect(!FileManager.default.fileExists(atPath: path("bad.safetensors")))
    }

    @Test("A scene that is gone is named")
    func goneScene() throws {
        let table = try writeTable(Array(try tiles().prefix(10)))
        try FileManager.default.removeItem(atPath: path("scene.tif"))
        let outcome = try program.run(["evaluate", "efficientnet-lite0", table])
        #expect(outcome.status == 65 && outcome.error.contains("scene.tif"), "\(outcome.status) \(outcome.error)")
    }
}
