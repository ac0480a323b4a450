import Foundation
import TestCluster
import TileStore
import Testing

/// Many machines, and machines that die.
@Suite("Workers", .serialized)
final class WorkerTests {
    @Test("A worker on another machine helps a run, and the shards of an array publish once, together")
    func shards() throws {
        let night = try Night()
        for seed in 0..<6 { try night.addScene("s\(seed).tif", seed: seed) }
        let whole = try Night()
        for seed in 0..<6 { try FileManager.default.copyItem(atPath: night.path("s\(seed).tif"), toPath: whole.path("s\(seed).tif")) }
        let first = try night.run(["--shard", "1/3"])
        #expect(first.status == 0 && first.report?.outcome == "shard_done", "\(first.error)")
        #expect(try night.store.scenes().isEmpty)
        let others = try [0, 2].map { try night.program.start(["run", night.pipeline, "--json", "--quiet", "--shard", "\($0)/3"]) }
        let outcomes = try others.map { try $0.finish() }
        #expect(outcomes.allSatisfy { $0.status == 0 }, "\(outcomes.map(\.error))")
        let published = outcomes.compactMap { try? JSONDecoder().decode(Night.Report.self, from: Data($0.output.utf8)) }.filter { $0.outcome == "published" }
        #expect(published.count == 1 && published[0].scenes.ingested == 6 && published[0].reconciles)
        #expect(try night.store.scenes().count == 6)
        #expect(try night.store.runs().count == 1)
    }

    @Test("A scene that takes longer than the limit is tried alone, set aside and named; the others are ingested")
    func timeLimit() throws {
        let night = try Night("limits: {seconds: 2}")
        try night.addScene("good.tif", seed: 1)
        // A pipe would do, were it a regular file: 900 million pixels that GDAL has to warp do as well.
        try """
            <VRTDataset rasterXSize="60000" rasterYSize="60000"><SRS>EPSG:32633</SRS><GeoTransform>500000,10,0,5000000,0,-10</GeoTransform>
            <VRTRasterBand dataType="Byte" band="1"><SimpleSource><SourceFilename relativeToVRT="1">good.tif</SourceFilename><SourceBand>1</SourceBand>
            <SrcRect xOff="0" yOff="0" xSize="256" ySize="128"/><DstRect xOff="0" yOff="0" xSize="60000" ySize="60000"/></SimpleSource></VRTRasterBand></VRTDataset>
            """.write(toFile: night.path("slow.vrt"), atomically: true, encoding: .utf8)
        try night.expectSetAside("slow.vrt", reason: "limit of seconds", ingested: "good.tif")
    }

    @Test("Confined to its sources: links, VRTs and VRTs in VRTs that lead outside are named, and nothing of them is stored")
    func confinement() throws {
        let night = try Night("publish: {max_failed: 1}")
        try night.addScene("good.tif", seed: 1)
        let secret = night.folder.appendingPathComponent("secret.tif").path
        try GeneratedScene.write(to: secret, width: 256, height: 128, seed: 5)
        try FileManager.default.createSymbolicLink(atPath: night.path("link.tif"), withDestinationPath: secret)
        func vrt(_ source: String, _ name: String) throws {
            try """
                <VRTDataset rasterXSize="256" rasterYSize="128"><SRS>EPSG:32633</SRS><GeoTransform>500000,10,0,5000000,0,-10</GeoTransform>
                <VRTRasterBand dataType="Byte" band="1"><SimpleSource><SourceFilename>\(source)</SourceFilename><SourceBand>1</SourceBand></SimpleSource>
                </VRTRasterBand></VRTDataset>
                """.write(toFile: night.path(name), atomically: true, encoding: .utf8)
        }
        try vrt(secret, "direct.vrt")
        try vrt(night.path("direct.vrt"), "nested.vrt")
        try vrt(night.archive.path + "/../secret.tif", "climbing.vrt")
        try GeneratedScene.run("gzip", ["-k", secret])
        try vrt("/vsigzip/" + secret + ".gz", "zip.vrt")
        try vrt("/vsicurl/http://127.0.0.1:1/a.tif", "network.vrt")
        // Names that GDAL's own list of a scene's files leaves out.
        try vrt("GTIFF_DIR:1:" + secret, "prefix.vrt")
        try vrt("vrt://" + secret + "?bands=1", "protocol.vrt")
        try vrt("&lt;VRTDataset rasterXSize=\"256\" rasterYSize=\"128\">&lt;VRTRasterBand dataType=\"Byte\" band=\"1\">&lt;SimpleSource>&lt;SourceFilename>\(secret)"
            + "&lt;/SourceFilename>&lt;SourceBand>1&lt;/SourceBand>&lt;/SimpleSource>&lt;/VRTRasterBand>&lt;/VRTDataset>", "inline.vrt")
        try vrt("MEM:::DATAPOINTER=1,PIXELS=256,LINES=128", "memory.vrt")
        let hidden = try String(contentsOfFile: night.path("prefix.vrt"), encoding: .utf8)
        try night.addScene("masked.tif", seed: 3)
        try hidden.write(toFile: night.path("masked.tif.msk"), atomically: true, encoding: .utf8)
        try vrt(night.path("good.tif"), "mask.vrt")
        let mask = "<MaskBand><VRTRasterBand dataType=\"Byte\"><SimpleSource><SourceFilename>\(secret)</SourceFilename></SimpleSource></VRTRasterBand></MaskBand>"
        try String(contentsOfFile: night.path("mask.vrt"), encoding: .utf8).replacingOccurrences(of: "</VRTDataset>", with: mask + "</VRTDataset>")
            .write(toFile: night.path("mask.vrt"), atomically: true, encoding: .utf8)
        // A format that names its data in another file.
        try "DatasetHeader Begin\n RasterInfo Begin\n CellType = Unsigned8BitInteger\n NrOfLines = 128\n NrOfCellsPerLine = 256\n NrOfBands = 1\n RasterInfo End\nDatasetHeader End\n"
            .write(toFile: night.path("header.ers"), atomically: true, encoding: .utf8)
        try vrt(night.path("good.tif"), "inside.vrt")
        let ended = try night.run()
        let report = try #require(ended.report, "\(ended.error)")
        #expect(report.scenes.ingested == 2 && report.reconciles, "\(report.failures)")
        #expect(Set(report.failures.map { URL(fileURLWithPath: $0.path).lastPathComponent })
            == [
                "link.tif", "direct.vrt", "nested.vrt", "climbing.vrt", "zip.vrt", "network.vrt", "prefix.vrt", "protocol.vrt", "inline.vrt", "memory.vrt",
                "masked.tif", "mask.vrt", "header.ers",
            ])
        #expect(Set(try night.store.scenes().map(\.path)) == [night.path("good.tif"), night.path("inside.vrt")])
    }

    @Test("A model cut-over reads what a pipeline ingested only where that pipeline may, and what came by hand wherever it lies")
    func confinedReembedding() throws {
        let night = try Night()
        try night.addScene("a.tif", seed: 1)
        #expect(try night.run().status == 0)
        let elsewhere = night.folder.appendingPathComponent("elsewhere")
        try FileManager.default.createDirectory(at: elsewhere, withIntermediateDirectories: true)
        try GeneratedScene.write(to: elsewhere.appendingPathComponent("b.tif").path, width: 256, height: 128, seed: 2)
        #expect(try night.program.run(["ingest", elsewhere.path, "--collection", "test", "--tile-size", "128"]).status == 0)
        // The same bytes, outside.
        let moved = night.folder.appendingPathComponent("a.tif").path
        try FileManager.default.moveItem(atPath: night.path("a.tif"), toPath: moved)
        try FileManager.default.createSymbolicLink(atPath: night.path("a.tif"), withDestinationPath: moved)
        let installed = try night.program.run(["models", "--json"])
        struct Model: Decodable { var name: String; var isDefault: Bool }
        let other = try #require(try JSONDecoder().decode([Model].self, from: Data(installed.output.utf8)).first { !$0.isDefault }?.name)
        let ended = try night.program.run(["reembed", "--model", other])
        #expect(ended.status == 2 && ended.output.contains("2 of 4") && ended.error.contains("outside the configured folders"), "\(ended.output) \(ended.error)")
    }

    @Test("A model cut-over fills the new table while the old serves, switches, and switches back")
    func reembed() throws {
        let night = try Night()
        try night.addScene("a.tif", seed: 1)
        try night.addScene("b.tif", seed: 2)
        #expect(try night.run().status == 0)
        let installed = try night.program.run(["models", "--json"])
        struct Model: Decodable { var name: String; var isDefault: Bool }
        let all = try JSONDecoder().decode([Model].self, from: Data(installed.output.utf8))
        let former = try #require(all.first { $0.isDefault }?.name)
        let other = try #require(all.first { !$0.isDefault }?.name, "needs a second installed model: \(all)")
        let early = try night.program.run(["reembed", "--model", other, "--no-switch"])
        #expect(early.status == 0 && early.output.contains("4 of 4"), "\(early.error)")
        #expect(try night.store.models().first { $0.isServing }?.name == former)
        let cut = try night.program.run(["reembed", "--model", other])
        #expect(cut.status == 0 && cut.output.contains("serves searches"), "\(cut.error)")
        #expect(try night.store.models().first { $0.isServing }?.name == other)
        #expect(try night.program.run(["reembed", "--model", former]).status == 0)
        #expect(try night.store.models().first { $0.isServing }?.name == former)
    }
}
