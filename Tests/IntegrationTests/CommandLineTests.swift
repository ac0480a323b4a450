import Foundation
import TestCluster
import TileStore
import Testing

/// What a person meets: every command once, and every kind of bad input with its sentence and its status.
@Suite("Command line", .serialized)
final class CommandLineTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cli-\(UUID().uuidString)")
    private let store: TileStore
    private let program: CommandLineProgram

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let connection = try TestCluster.shared.get().migratedDatabase()
        let name: String = try connection.query("SELECT current_database() AS name")[0]["name"]
        let conninfo = try TestCluster.shared.get().cluster.conninfo(database: name).text
        store = TileStore(connection: connection)
        program = CommandLineProgram(environment: ["TILESCOUT_DATABASE": conninfo])
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    @Test("A pipeline with a model that is not installed, or without sources, is refused with line and key")
    func pipelineCheck() throws {
        try "name: n\nsources: []\nmodel: atlantis\n".write(toFile: path("p.yaml"), atomically: true, encoding: .utf8)
        let outcome = try program.run(["pipeline", "check", path("p.yaml")])
        #expect(outcome.status == 65 && outcome.error.contains("line 2") && outcome.error.contains("line 3, column 8, model: ") && outcome.error.contains("atlantis"), "\(outcome.error)")
        try "name: n\nsources: [/d]\n".write(toFile: path("p.yaml"), atomically: true, encoding: .utf8)
        #expect(try program.run(["pipeline", "check", path("p.yaml")]).status == 0)
    }

    @Test("A worker of one version leaves a database of another alone")
    func drainOfAnotherVersion() throws {
        try store.connection.execute(script: "COMMENT ON SCHEMA tilescout IS 'Tilescout. Files: of another build'")
        let outcome = try program.run(["drain", "--parent", "\(getpid())", "--run", "1", "--worker-name", "w"])
        #expect(outcome.status == 69 && outcome.error.contains("its schema is of another build of tilescout"), "\(outcome.error)")
    }

    @Test("Of a server that is not our own, nothing is said about the disk here")
    func serverElsewhere() throws {
        // No disk has less room than /proc.
        let outcome = try CommandLineProgram(environment: ["TILESCOUT_DATABASE": "", "TILESCOUT_DATA": "/proc"]).run(["runs", "--database", "host=/nowhere"])
        #expect(outcome.status == 69 && outcome.error.contains("cannot connect to the database") && !outcome.error.contains("disk"), "\(outcome.error)")
    }

    private func ingestOneScene() throws {
        try GeneratedScene.write(to: path("scene.tif"), width: 400, height: 300, seed: 1)
        let outcome = try program.run(["ingest", path("scene.tif"), "--collection", "test", "--tile-size", "128", "--quiet"])
        #expect(outcome.status == 0, "\(outcome.error)")
    }

    @Test("Plan, ingest, search, show, list, forget: each says what it did")
    func everyday() throws {
        try GeneratedScene.write(to: path("scene.tif"), width: 400, height: 300, seed: 1)
        let plan = try program.run(["plan", path("scene.tif"), "--tile-size", "128", "--json"])
        #expect(plan.status == 0 && plan.output.contains("\"tiles\" : 12"), "\(plan.error)")
        #expect(try store.scenes().isEmpty)
        try ingestOneScene()

        let sheet = path("hits.png")
        let table = try program.run(["search", "--at", "15.02,45.14", "-k", "3", "--sheet", sheet])
        #expect(table.status == 0, "\(table.error)")
        #expect(table.output.contains("3 tiles, exact") && table.output.contains("2021-06-02"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: sheet)).starts(with: [0x89, 0x50, 0x4E, 0x47]))
        let csv = try program.run(["search", "--image", path("scene.tif"), "-k", "2", "--format", "csv"])
        #expect(csv.status == 0 && csv.output.split(separator: "\r\n").count == 3, "\(csv.error)")
        for format in ["json", "geojson"] {
            let answer = try program.run(["search", "--at", "15.02,45.14", "-k", "4", "--format", format])
            let object = try JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any]
            #expect((object?[format == "json" ? "hits" : "features"] as? [Any])?.count == 4)
        }

        let tile = try #require(try store.tiles(lon: 15.02, lat: 45.14, limit: 1).first)
        func hits(_ arguments: String...) throws -> [[String: Any]] {
            let answer = try program.run(["search", "--like", "\(tile.tileID)", "--format", "json"] + arguments)
            #expect(answer.status == 0, "\(answer.error)")
            return (try JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any])?["hits"] as? [[String: Any]] ?? []
        }
        let all = try hits()
        #expect(all.count == 11)
        #expect(try hits("--near", "15.02,45.14", "--radius", "10").count < 4)
        #expect(try hits("--after", try #require(all[4]["tile"] as? String)).count == 6)
        #expect(try hits("--resolution", "1000/2000").isEmpty && hits("--other-scenes").isEmpty)
        #expect(try hits("--max-distance", "\(try #require(all[3]["distance"] as? Double) + 1e-5)").count == 4)
        #expect(try hits("--unlike", try #require(all[0]["tile"] as? String)).count == 10)

        #expect(try program.run(["show", "\(tile.tileID)"]).output.contains("EPSG:32633"))
        #expect(try program.run(["scenes"]).output.contains("WGS 84 / UTM zone 33N"))
        #expect(try program.run(["failures"]).output == "No failures.\n")
        let models = try program.run(["models"]).output
        #expect(models.contains("(default)") && models.contains("tilescout-aerial"))
        #expect(try program.run(["db", "status"]).output.contains("running"))
        #expect(try program.run(["db", "migrate"]).output.contains("nothing to do"))
        #expect(try program.run(["forget", path("scene.tif")]).output.contains("12 tiles"))
        #expect(try store.scenes().isEmpty)
    }

    @Test("Tiles written as GeoTIFF lie where the tiles of the scene lie, and embed as they do")
    func tilesAndEmbeddings() throws {
        try GeneratedScene.write(to: path("scene.tif"), width: 256, height: 128, seed: 2)
        let cut = try program.run(["tile", path("scene.tif"), "--out", path("tiles"), "--tile-size", "128", "--quiet"])
        #expect(cut.status == 0 && cut.output.hasPrefix("2 tiles of 1 scene"), "\(cut.error)")
        let embedded = try program.run(["embed", path("tiles"), "--out", path("e.npy"), "--quiet"])
        #expect(embedded.status == 0, "\(embedded.error)")
        #expect(try String(contentsOfFile: path("e.ids.txt"), encoding: .utf8).split(separator: "\n").count == 2)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path("e.npy"))).count == 128 + 2 * 256 * 4)

        _ = try program.run(["ingest", path("scene.tif"), "--collection", "whole", "--tile-size", "128", "--quiet"])
        _ = try program.run(["ingest", path("tiles"), "--collection", "tiles", "--tile-size", "128", "--quiet"])
        let places = try ["whole", "tiles"].map { collection in
            try store.tiles(lon: 15.004, lat: 45.146, collections: [collection], limit: 1).map(\.footprintGeoJSON)
        }
        #expect(places[0].count == 1 && places[0] == places[1])
    }

    @Test("Each wrong call and each bad input has one clear sentence and its status", arguments: [
        (["search", "--at", "15.02,45.14", "--within", "POLYGON((15 45,15.1 45.2,15.1 45,15 45.2,15 45))"], 65, "Self-intersection"),
        (["search", "--at", "15.02,45.14", "--within", "POLYGON((45 151,46 151,46 152,45 151))"], 65, "longitude first"),
        (["search", "--at", "15.02,45.14", "--within", "nowhere.geojson"], 65, "nor a file that exists"),
        (["search", "--at", "15.02,45.14", "--acquired", "2022/2021"], 65, "ends before"),
        (["search", "--at", "100,10"], 66, "no tile covers"),
        (["search", "--at", "15"], 65, "LON,LAT"),
        (["search", "--at", "15.02,45.14", "--near", "15", "--radius", "5"], 65, "LON,LAT"),
        (["search", "--at", "15.02,45.14", "--near", "15,45"], 64, "go together"),
        (["search", "--at", "15.02,45.14", "--near", "15,45", "--radius", "-5"], 65, "radius is -5"),
        (["search", "--at", "15.02,45.14", "--resolution", "2/1"], 65, "FROM/TO"),
        (["search", "--at", "15.02,45.14", "--max-distance", "3"], 65, "0 to 2"),
        (["search", "--at", "15.02,45.14", "--after", "none"], 65, "no tile id"),
        (["search", "--at", "15.02,45.14", "-k", "0"], 65, "1 to 10000"),
        (["search", "--at", "15.02,45.14", "-k", "1000000000"], 65, "1 to 10000"),
        (["search", "--at", "15.02,45.14", "--collection", "none"], 65, "there is no collection none"),
        (["search", "--like", "11111111-2222-3333-4444-555555555555"], 66, "no such tile"),
        (["search", "--like", "eleven"], 65, "no tile id"),
        (["search", "--image", "/no/such.png"], 66, "/no/such.png"),
        (["search", "--at", "15.02,45.14", "--sheet", "/no/such/folder/a.png"], 74, "/no/such/folder/a.png"),
        (["search"], 64, "--like, --image and --at"),
        (["search", "--at", "15.02,45.14", "--unlike", "11111111-2222-3333-4444-555555555555"], 66, "there is no tile"),
        (["search", "--at", "15.02,45.14", "--model", "no-such-model"], 65, "no-such-model"),
        (["publish", "999"], 66, "there is no run 999"),
        (["rollback", "999"], 66, "there is no run 999"),
        (["rollback", "1", "--collection", "other"], 65, "run 1 is of collection test"),
        (["runs", "--discard", "999"], 66, "there is no run 999"),
        (["publish", "1"], 65, "is published already"),
        (["show", "11111111-2222-3333-4444-555555555555"], 66, "no such tile"),
        (["forget", "/no/such.tif"], 66, "no such scene"),
        (["ingest", "/no/such/folder"], 66, "/no/such/folder"),
        (["ingest", "/tmp", "--tile-size", "7"], 64, "tile size"),
        (["ingest", "/tmp", "--overlap", "256"], 64, "overlap"),
        (["ingest", "/tmp", "--model", "no-such-model"], 65, "no-such-model"),
        (["ingest", "/tmp", "--stretch", "wild"], 64, "stretch"),
        (["scenes", "--database", "host=/no/such/socket"], 69, "/no/such/socket"),
        (["split", "/no/such/folder", "--out", "/tmp/split.csv"], 66, "no such folder"),
        (["train", "/no/such/folder", "--out", "/tmp/model.safetensors"], 66, "no such folder"),
        (["train", "/tmp", "--out", "/tmp/model.safetensors", "--loss", "wild"], 64, "wild"),
        (["train", "/tmp", "--out", "/tmp/model.safetensors", "--without", "wild"], 64, "DCL has no term wild"),
        (["evaluate", "efficientnet-lite0", "/tmp", "--whitening", "8"], 64, "training part of --split"),
        (["evaluate", "no-such-model", "/tmp"], 65, "no-such-model"),
    ] as [([String], Int, String)])
    func badInput(arguments: [String], status: Int, words: String) throws {
        try ingestOneScene()
        let outcome = try program.run(arguments)
        #expect(outcome.status == Int32(status), "\(outcome.error)")
        #expect(outcome.error.contains(words), "\(outcome.error)")
        #expect(!outcome.error.contains("Fatal error"))
    }

    @Test("An ingest with another model than searches use says so")
    func anotherModel() throws {
        try ingestOneScene()
        let second = try program.run([
            "ingest", path("scene.tif"), "--collection", "other", "--model", "efficientnet-lite0", "--tile-size", "128", "--quiet",
        ])
        #expect(second.status == 0 && second.output.contains("searches use model tilescout-aerial"), "\(second.output)")
        // A search uses the model that is named, whatever it is asked with.
        for (arguments, model) in [([], "tilescout-aerial"), (["--model", "efficientnet-lite0"], "efficientnet-lite0")] {
            for subject in [["--at", "15.02,45.14"], ["--image", path("scene.tif")]] {
                let answer = try program.run(["search"] + subject + arguments)
                #expect(answer.status == 0 && answer.output.contains("model \(model)"), "\(answer.output) \(answer.error)")
            }
        }
    }

    @Test("An area without tiles whose axes seem exchanged is said to be so")
    func exchangedAxes() throws {
        try ingestOneScene()
        let outcome = try program.run(["search", "--at", "15.02,45.14", "--within", "45,15,45.3,15.3"])
        #expect(outcome.status == 0 && outcome.output.contains("No tile passes"), "\(outcome.output)")
        #expect(outcome.error.contains("longitude and latitude exchanged"), "\(outcome.error)")
    }

    @Test("A raster that claims 10^12 pixels is refused by name, and the good scene beside it is ingested")
    func hugeClaim() throws {
        try GeneratedScene.write(to: path("good.tif"), width: 128, height: 128, seed: 1)
        try """
            <VRTDataset rasterXSize="1000000" rasterYSize="1000000"><SRS>EPSG:4326</SRS>
            <GeoTransform>0, 1e-5, 0, 10, 0, -1e-5</GeoTransform><VRTRasterBand dataType="Byte" band="1"/></VRTDataset>
            """.write(toFile: path("huge.vrt"), atomically: true, encoding: .utf8)
        let outcome = try program.run([
            "ingest", path("good.tif"), path("huge.vrt"), "--collection", "test", "--tile-size", "128", "--quiet",
        ])
        #expect(outcome.status == 2, "\(outcome.error)")
        #expect(outcome.output.contains("huge.vrt") && outcome.output.contains("1 ingested, 1 failed"), "\(outcome.output)")
        #expect(try program.run(["failures"]).output.contains("huge.vrt"))
    }

    @Test("On a full disk the file is named, the status is 74, and nothing half-written stays")
    func fullDisk() throws {
        try ingestOneScene()
        let sheet = try program.run(["search", "--at", "15.02,45.14", "--sheet", path("s.png")], fileLimit: 4096)
        #expect(sheet.status == 74 && sheet.error.contains("s.png"), "\(sheet.error)")
        let matrix = try program.run(["embed", path("scene.tif"), "--out", path("m.npy"), "--quiet"], fileLimit: 1024)
        #expect(matrix.status == 74 && matrix.error.contains("m.npy"), "\(matrix.error)")
        let tiles = try program.run(
            ["tile", path("scene.tif"), "--out", path("t"), "--tile-size", "128", "--quiet"], fileLimit: 4096)
        #expect(tiles.status == 2 && tiles.error.contains("scene.tif"), "\(tiles.error)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: path("t")).isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["scene.tif", "t"])
    }

    @Test("An answer that cannot be written whole is status 74; a reader that goes away is none of our errors")
    func standardOutput() throws {
        try ingestOneScene()
        let cut = try program.run(["search", "--at", "15.02,45.14", "--format", "geojson"], fileLimit: 1024)
        #expect(cut.status == 74 && cut.error.contains("cannot write standard output: file too large"), "\(cut.status) \(cut.error)")
        var shell = program
        shell.executable = "/bin/sh"
        for command in ["scenes", "models --json", "search --at 15.02,45.14"] {
            let full = try shell.run(["-c", "\(CommandLineProgram.path) \(command) >/dev/full"])
            #expect(full.status == 74 && full.error.contains("cannot write standard output: no space left"), "\(command): \(full.status) \(full.error)")
            let gone = try shell.run(["-c", "{ sleep 0.2; \(CommandLineProgram.path) \(command); echo status $? >&2; } | true"])
            #expect(gone.error == "status 0\n", "\(command): \(gone.error)")
        }
    }

    @Test("A database of a newer tilescout is refused with status 78, and stays as it is")
    func newerDatabase() throws {
        try store.connection.query("""
            INSERT INTO tilescout.schema_migration (version, name, checksum, applied_by) VALUES (9999, 'future', '-', 'test')
            """)
        let outcome = try program.run(["scenes"])
        #expect(outcome.status == 78 && outcome.error.contains("newer"), "\(outcome.error)")
    }

    @Test("A file with other bytes under the same path takes the place of the former scene")
    func replaced() throws {
        try ingestOneScene()
        let before = try store.contentHash()
        try GeneratedScene.write(to: path("scene.tif"), width: 400, height: 300, seed: 3)
        #expect(try program.run(["ingest", path("scene.tif"), "--collection", "test", "--tile-size", "128", "--quiet"]).status == 0)
        #expect(try store.scenes().count == 1)
        #expect(try store.contentHash() != before)
    }
}
