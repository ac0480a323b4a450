import Foundation
import TestCluster
import TileStore
import Testing

/// What a scene may take, and what a clock or a neighbour may do: the rest of the archive is ingested all the same.
@Suite("Limits of a run", .serialized)
final class LimitsTests {
    @Test("A scene with more pixels than the limit is named; the others are ingested")
    func pixels() throws {
        let night = try Night("limits: {pixels: 40000}\npublish: {max_failed: 1}")
        try night.addScene("good.tif", seed: 1)
        try night.addScene("large.tif", seed: 2, width: 512, height: 128)
        let ended = try night.run()
        #expect(ended.status == 2, "\(ended.error)")
        let report = try #require(ended.report)
        #expect(report.scenes.ingested == 1 && report.scenes.failed == 1 && report.reconciles)
        #expect(report.failures.map(\.path) == [night.path("large.tif")] && report.failures[0].reason.contains("limit of 40000"))
    }

    @Test("A scene that takes more memory than the limit is tried alone, set aside and named; the others are ingested")
    func memory() throws {
        let night = try Night("limits: {memory_mib: 512}")
        try night.addScene("good.tif", seed: 1)
        var random = SeededRandom(seed: 7)
        let noise = night.folder.appendingPathComponent("noise.ppm").path
        try (Data("P6\n256 128\n255\n".utf8) + Data((0..<256 * 128 * 3).map { _ in UInt8.random(in: 0...255, using: &random) }))
            .write(to: URL(fileURLWithPath: noise))
        // One block of it is 183 MiB as bytes, which the limit of blocks allows, and four times as much in its decoder.
        let virtual = night.folder.appendingPathComponent("enlarged.vrt").path
        let bands = (1...3).map {
            """
            <VRTRasterBand dataType="Byte" band="\($0)"><SimpleSource><SourceFilename>\(noise)</SourceFilename><SourceBand>\($0)</SourceBand>
            <SrcRect xOff="0" yOff="0" xSize="256" ySize="128"/><DstRect xOff="0" yOff="0" xSize="8100" ySize="8000"/></SimpleSource></VRTRasterBand>
            """
        }
        try """
            <VRTDataset rasterXSize="8100" rasterYSize="8000"><SRS>EPSG:32633</SRS><GeoTransform>500000,10,0,5000000,0,-10</GeoTransform>
            \(bands.joined())</VRTDataset>
            """.write(toFile: virtual, atomically: true, encoding: .utf8)
        try GeneratedScene.run("gdal_translate", [
            "-q", "-of", "JP2OpenJPEG", "-co", "BLOCKXSIZE=8000", "-co", "BLOCKYSIZE=8000", "-co", "QUALITY=5", "-co", "REVERSIBLE=NO",
            "-co", "RESOLUTIONS=1", virtual, night.path("hungry.jp2"),
        ])
        try night.expectSetAside("hungry.jp2", reason: "more memory than the limit", ingested: "good.tif")
    }

    @Test("Files dated into the future and decades back are ingested once, and known the next night")
    func skewedClock() throws {
        let night = try Night()
        for (seed, days) in ([365, -365 * 40] as [TimeInterval]).enumerated() {
            try night.addScene("s\(seed).tif", seed: seed)
            try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSinceNow: days * 86400)], ofItemAtPath: night.path("s\(seed).tif"))
        }
        let first = try night.run()
        #expect(first.status == 0 && first.report?.scenes.ingested == 2, "\(first.error)")
        let second = try night.run()
        #expect(second.status == 0 && second.report?.scenes.unchanged == 2 && second.report?.scenes.new == 0, "\(second.error)")
    }

    @Test("From whatever folder a run is started, its workers find the model that lies beside the program")
    func workingDirectory() throws {
        let night = try Night()
        try night.addScene("a.tif", seed: 1)
        var program = night.program
        program.workingDirectory = "/"
        program.environment["TILESCOUT_MODELS"] = nil
        program.environment["TILESCOUT_DATA"] = night.folder.path
        let ended = try program.run(["run", night.pipeline, "--quiet"])
        #expect(ended.status == 0, "\(ended.error)")
    }

    @Test("Two pipelines on one collection leave each other's scenes alone, also when a file is gone")
    func twoPipelines() throws {
        let night = try Night("removed: {max_share: 0.5}")
        try night.addScene("mine.tif", seed: 1)
        try night.addScene("gone.tif", seed: 2)
        try night.addScene("kept.tif", seed: 5)
        #expect(try night.run().status == 0)
        let neighbours = night.folder.appendingPathComponent("neighbour")
        try FileManager.default.createDirectory(at: neighbours, withIntermediateDirectories: true)
        let theirs = neighbours.appendingPathComponent("theirs.tif").path
        try GeneratedScene.write(to: theirs, width: 256, height: 128, seed: 3, west: 700_000)
        let pipeline = night.folder.appendingPathComponent("neighbour.yaml").path
        try "name: neighbour\ncollection: test\nsources: [\(neighbours.path)]\ntiles: {sizes: [128]}\n"
            .write(toFile: pipeline, atomically: true, encoding: .utf8)
        let neighbour = try night.program.run(["run", pipeline, "--quiet"])
        #expect(neighbour.status == 0, "\(neighbour.error)")
        #expect(try night.store.scenes().count == 4)
        try FileManager.default.removeItem(atPath: night.path("gone.tif"))
        let again = try night.run()
        #expect(again.status == 0 && again.report?.scenes.removed == 1, "\(again.error)")
        #expect(Set(try night.store.scenes().map(\.path)) == [night.path("mine.tif"), night.path("kept.tif"), theirs])
    }

    @Test("The reason of workers that give up is the run's: a database that refuses to grow ends it with status 74")
    func fullDatabase() throws {
        let night = try Night()
        try night.addScene("a.tif", seed: 1)
        // What PostgreSQL says of a full disk, where the tiles are written.
        try night.store.connection.query("""
            CREATE FUNCTION public.full_disk() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$
            """)
        try night.store.connection.query("CREATE TRIGGER full_disk BEFORE INSERT ON tilescout.tile EXECUTE FUNCTION public.full_disk()")
        let ended = try night.run()
        #expect(ended.status == 74 && ended.error.contains("No space left"), "\(ended.error)")
        #expect(ended.report?.outcome == "interrupted" && ended.report?.scenes.open == 1 && ended.report?.reconciles == true)
        #expect(try night.store.scenes().isEmpty)
        try night.store.connection.query("DROP TRIGGER full_disk ON tilescout.tile")
        #expect(try night.run().report?.scenes.ingested == 1)
    }
}
