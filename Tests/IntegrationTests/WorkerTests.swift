import Foundation
@testable import Pipeline
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
        let first = try night.run(["--shard", "1/3", "--array", "monday"])
        #expect(first.status == 0 && first.report?.outcome == "shard_done", "\(first.error)")
        #expect(try night.store.scenes().isEmpty)
        let others = try [0, 2].map { try night.program.start(["run", night.pipeline, "--json", "--quiet", "--shard", "\($0)/3", "--array", "monday"]) }
        let outcomes = try others.map { try $0.finish() }
        #expect(outcomes.allSatisfy { $0.status == 0 }, "\(outcomes.map(\.error))")
        let published = outcomes.compactMap { try? JSONDecoder().decode(Night.Report.self, from: Data($0.output.utf8)) }.filter { $0.outcome == "published" }
        #expect(published.count == 1 && published[0].scenes.ingested == 6 && published[0].reconciles)
        #expect(try night.store.scenes().count == 6)
        #expect(try night.store.runs().count == 1)
    }

    @Test("An array counts its own shards: not another night's, not a requeued task's, and no other array beside it")
    func arrays() throws {
        let night = try Night("publish: {policy: manual}")
        func shard(_ index: Int, of array: String) throws -> Night.Ended { try night.run(["--shard", "\(index)/2", "--array", array]) }
        func state() throws -> [String] { try night.store.runs().map(\.state) }
        for seed in 0..<4 { try night.addScene("s\(seed).tif", seed: seed) }
        #expect(try shard(0, of: "monday").report?.outcome == "shard_done")
        #expect(try shard(0, of: "monday").report?.outcome == "shard_done", "the same task again is one shard all the same")
        #expect(try shard(1, of: "monday").report?.outcome == "ready")
        // The ready run is continued by the next night's array: its first shard is not its last.
        try night.addScene("new.tif", seed: 8)
        #expect(try shard(1, of: "tuesday").report?.outcome == "shard_done")
        #expect(try state() == ["running"])
        let second = try shard(0, of: "tuesday")
        #expect(second.report?.outcome == "ready" && second.report?.scenes.seen == 5 && second.report?.reconciles == true, "\(second)")
        #expect(try night.program.run(["publish", "1"]).status == 0)
        #expect(try night.store.scenes().count == 5)
        // A task requeued after all that begins nothing.
        let late = try shard(1, of: "tuesday")
        #expect(late.status == 0 && late.report?.outcome == "shard_done", "\(late.error)")
        #expect(try state() == ["published"])
        #expect(try shard(0, of: "wednesday").report?.outcome == "shard_done")
        #expect(try shard(1, of: "wednesday").report?.outcome == "ready")
        #expect(try night.program.run(["run", night.pipeline, "--shard", "0/2"]).status == 64, "without a key, nights cannot be told apart")
    }

    @Test("Two arrays of one pipeline do not mix: the second is refused while a shard of the first is under way")
    func twoArrays() throws {
        let night = try Night()
        try night.addScene("a.tif", seed: 1)
        #expect(try night.run(["--shard", "0/2", "--array", "first"]).report?.outcome == "shard_done")
        // A shard of the first that takes its time, in this process.
        let model = try #require(try night.store.models().first)
        #expect(try night.store.lockPipeline("night", shared: true))
        let options = try #require(try night.store.runs(limit: 1).first).options
        let request = RunRequest(collection: "test", model: model.name, options: options, tiling: "x", version: "test")
        guard case .joined(let joined) = try night.store.joinRun(pipeline: "night", request, array: "first") else {
            Issue.record("not joined")
            return
        }
        #expect(!joined.isResumed && joined.attempts == 1)
        let other = try night.run(["--shard", "0/2", "--array", "second"])
        #expect(other.status == 75 && other.error.contains("another array works on run 1"), "\(other.error)")
        #expect(try night.run().status == 75)
        // It dies: the second takes over, and its shards alone count.
        try night.store.connection.query("SELECT pg_advisory_unlock_all()")
        #expect(try night.run(["--shard", "1/2", "--array", "second"]).report?.outcome == "shard_done")
        #expect(try night.run(["--shard", "0/2", "--array", "second"]).report?.outcome == "published")
        #expect(try night.store.scenes().count == 1)
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

    /// A model's rows without the numbers that a database gives its scenes and runs, in the order of their tiles.
    private func vectors(_ store: TileStore, of model: String) throws -> [String] {
        let table: String = try store.connection.query("SELECT tilescout.embedding_table(m.id) AS name FROM tilescout.model AS m WHERE m.name = $1", [model])[0]["name"]
        return try store.connection.query("""
            SELECT ROW(tile_id, acquired_at, valid_fraction, cloud_fraction, ground_sample_distance, footprint, place, embedding)::text AS row FROM tilescout.\(table) ORDER BY tile_id
            """).map { try $0["row"] }
    }

    @Test("A model cut-over fills the new table while the old serves, switches, and switches back")
    func reembed() throws {
        let night = try Night()
        try night.addScene("a.tif", seed: 1)
        try night.addScene("b.tif", seed: 2)
        #expect(try night.run().status == 0)
        let installed = try night.program.run(["models", "--json"])
        let all = try JSONDecoder().decode([InstalledModel].self, from: Data(installed.output.utf8))
        let former = try #require(all.first { $0.isDefault }?.name)
        let other = try #require(all.first { !$0.isDefault }?.name, "needs a second installed model: \(all)")
        let early = try night.program.run(["reembed", "--model", other, "--no-switch"])
        #expect(early.status == 0 && early.output.contains("4 of 4"), "\(early.error)")
        #expect(try night.store.models().first { $0.isServing }?.name == former)
        let cut = try night.program.run(["reembed", "--model", other])
        #expect(cut.status == 0 && cut.output.contains("serves searches"), "\(cut.error)")
        #expect(try night.store.models().first { $0.isServing }?.name == other)
        // The vectors, and what lies beside them, are those of an ingest with that model.
        let fresh = try Night("model: \(other)")
        for name in ["a.tif", "b.tif"] { try FileManager.default.copyItem(atPath: night.path(name), toPath: fresh.path(name)) }
        #expect(try fresh.run().status == 0)
        let ingested = try vectors(fresh.store, of: other)
        #expect(try ingested.count == 4 && vectors(night.store, of: other) == ingested)
        #expect(try vectors(night.store, of: former).count == 4)
        #expect(try night.program.run(["reembed", "--model", former]).status == 0)
        #expect(try night.store.models().first { $0.isServing }?.name == former)
    }

    @Test("After a cut-over, going back hides the last night's scenes, not the vectors of all; as_of says where a model had none")
    func rollbackAfterCutOver() throws {
        let night = try Night()
        try night.addScene("a.tif", seed: 1)
        let first = try #require(try night.run().report)
        try night.addScene("b.tif", seed: 2)
        let second = try #require(try night.run().report)
        let former = try #require(try night.store.models().first { $0.isServing }?.name)
        let other = try #require(try JSONDecoder().decode([InstalledModel].self, from: Data(night.program.run(["models", "--json"]).output.utf8))
            .first { $0.name != former }?.name)
        #expect(try night.program.run(["reembed", "--model", other]).status == 0)
        let byImage = try night.program.run(["search", "--image", night.path("a.tif"), "-k", "1", "--format", "json"])
        #expect(byImage.output.contains(#""model":"\#(other)""#) || byImage.output.contains(#""model" : "\#(other)""#), "\(byImage.output) \(byImage.error)")
        let cutOver = try #require(try night.store.runs(limit: 1).first)
        #expect(cutOver.kind == "reembed")
        func found() throws -> Set<Int> {
            let vector: [Float] = [1] + Array(repeating: 0, count: try night.store.models().first { $0.isServing }!.dimension - 1)
            return Set(try night.store.search(SearchRequest(embedding: vector, k: 50)).hits.map(\.sceneID))
        }
        #expect(try found().count == 2)

        let refused = try night.program.run(["rollback", "\(cutOver.id)"])
        #expect(refused.status != 0 && refused.error.contains("which serves") && refused.error.contains("reembed --model"), "\(refused.error)")
        let early = try night.program.run(["search", "--at", "15,45", "--as-of", "\(first.run)"])
        #expect(early.status == 65 && early.error.contains("had no vectors yet") && early.error.contains(former), "\(early.error)")

        // The cut-over's vectors of the second night's scene go with that night.
        let back = try night.program.run(["rollback"])
        #expect(back.status == 0 && back.output.contains("rolled back: run \(second.run)\n"), "\(back.error)")
        #expect(try night.store.scenes().map(\.path) == [night.path("a.tif")])
        #expect(try found().count == 1)
        // Shown again, it has to be embedded again, and that is said.
        let shown = try night.program.run(["publish", "\(second.run)"])
        #expect(shown.status == 0 && shown.error.contains("2 visible tiles have no vector of \(other)"), "\(shown.error)")
        #expect(try night.program.run(["reembed", "--model", other]).status == 0)
        #expect(try found().count == 2)
        // Back at the former model, its cut-over can be rolled back.
        #expect(try night.program.run(["reembed", "--model", former]).status == 0)
        #expect(try night.program.run(["rollback", "\(cutOver.id)"]).status == 0)
        #expect(try found().count == 2)
        let through = try night.program.run(["rollback", "\(first.run)", "--through"])
        #expect(through.status == 0 && through.output.contains("run \(second.run), \(first.run)\n"), "\(through.output)\(through.error)")
        #expect(try found().isEmpty && night.store.scenes().isEmpty)
    }

    @Test("A night with a model that does not serve says so; a cut-over without the files of some scenes switches only partly, and says what that means")
    func otherModel() throws {
        let night = try Night()
        for seed in 1...2 { try night.addScene("s\(seed).tif", seed: seed) }
        #expect(try night.run().report?.notes.isEmpty == true)
        let former = try #require(try night.store.models().first { $0.isServing }?.name)
        let other = try #require(try JSONDecoder().decode([InstalledModel].self, from: Data(night.program.run(["models", "--json"]).output.utf8))
            .first { $0.name != former }?.name)
        try FileManager.default.moveItem(atPath: night.path("s1.tif"), toPath: night.folder.path + "/away.tif")
        let refused = try night.program.run(["reembed", "--model", other])
        #expect(refused.status == 2 && refused.error.contains("2 visible tiles have no vector") && refused.error.contains("--partly"), "\(refused.error)")
        #expect(try night.store.models().first { $0.isServing }?.name == former)
        let partly = try night.program.run(["reembed", "--model", other, "--partly"])
        #expect(partly.status == 0 && partly.output.contains("serves searches") && partly.error.contains("searches do not find them"), "\(partly.error)")
        #expect(try night.store.models().first { $0.isServing }?.name == other)
        #expect(try night.program.run(["reembed", "--model", other, "--partly", "--no-switch"]).status == 64)
        // The pipeline still names the former model.
        try FileManager.default.moveItem(atPath: night.folder.path + "/away.tif", toPath: night.path("s1.tif"))
        let next = try night.run()
        #expect(next.status == 0 && next.error.contains("warning: searches use model \(other)"), "\(next.error)")
        #expect(next.report?.notes.contains { $0.contains("reembed --model \(former)") } == true)
    }

    private struct InstalledModel: Decodable { var name: String; var isDefault: Bool }

    @Test("A worker leaves a run whose model it has not to others, and helps with the next", .timeLimit(.minutes(2)))
    func missingModel() throws {
        let night = try Night()
        try night.addScene("a.tif", seed: 1)
        #expect(try night.run().status == 0)
        try night.addScene("b.tif", seed: 2)
        let record = try #require(try night.store.runs(limit: 1).first)
        let size = try #require(FileManager.default.attributesOfItem(atPath: night.path("b.tif"))[.size] as? Int)
        func begin(_ options: String) throws -> Run {
            let run = try night.store.joinRun(
                pipeline: "by hand", RunRequest(collection: "test", model: record.model, options: options, tiling: "x", version: "test"))
            let tiling: Int = try night.store.connection.query("SELECT min(tiling_id) AS id FROM tilescout.run_scene")[0]["id"]
            try night.store.enqueue([(SceneFile(path: night.path("b.tif"), size: size, modifiedNanoseconds: 1), nil)], tilingID: tiling, run: run)
            return run
        }
        let stuck = try begin(record.options.replacing("\"\(record.model)\"", with: "\"of another machine\""))
        let run = try begin(record.options)
        #expect(stuck.id < run.id)
        let worker = try night.program.run(["worker", "--until-empty"])
        #expect(worker.status != 0 && worker.error.contains("work on run \(stuck.id)"), "\(worker.error)")
        #expect(try night.store.queueDepth(runID: run.id).ingested == 1, "\(worker.error)")
        #expect(try night.store.queueDepth(runID: stuck.id).waiting == 1)
        // The nightly run names what it cannot continue; discarded, it is gone.
        try night.store.connection.query("UPDATE tilescout.run SET pipeline = 'night' WHERE id = $1::int", [stuck.id])
        #expect(try night.run().report?.notes.contains { $0.contains("runs --discard \(stuck.id)") } == true)
        let discarded = try night.program.run(["runs", "--discard", "\(stuck.id)"])
        #expect(discarded.status == 0 && discarded.output.contains("run \(stuck.id) is discarded: 0 scenes and 0 tiles that it alone had stored, 1 jobs"), "\(discarded.error)")
        #expect(try night.run().report?.notes.isEmpty == true)
    }

    /// A run with one job that waits.
    private func oneJob() throws -> (TileStore, Run) {
        let store = TileStore(connection: try TestCluster.shared.get().migratedDatabase())
        let model = try store.register(ModelDescription(name: "m", weightsSHA256: String(repeating: "b", count: 64), preprocessing: "{}", dimension: 8))
        let run = try store.joinRun(pipeline: "p", RunRequest(collection: "c", model: model.name, options: "{}", tiling: "256", version: "test"))
        try store.enqueue([(SceneFile(path: "/a.tif", size: 1, modifiedNanoseconds: 1), nil)], tilingID: run.tilingID, run: run)
        return (store, run)
    }

    @Test("Workers that die before they open a scene, one after the other, end the run", .timeLimit(.minutes(1)))
    func dyingInVain() throws {
        let (store, run) = try oneJob()
        let draining = Draining(
            runID: run.id, launch: .init(program: "/bin/sh", arguments: ["-c", "kill -KILL $$"], environment: [:]), store: store, report: { _, _ in })
        let error = #expect(throws: PipelineError.self) { try draining.run() }
        #expect(error?.reason.contains("ended one after the other") == true, "\(String(describing: error))")
        #expect(try store.queueDepth(runID: run.id).waiting == 1)
    }

    @Test("Who drains a run that is not under way any more says so, and starts no worker after the other for it", .timeLimit(.minutes(1)))
    func stoppedMeanwhile() throws {
        let (store, run) = try oneJob()
        try store.finish(run, .failed(reason: "test"))
        let draining = Draining(
            runID: run.id, launch: .init(program: "/bin/true", arguments: [], environment: [:]), store: store, report: { _, _ in })
        let error = #expect(throws: PipelineError.self) { try draining.run() }
        #expect(error?.reason.contains("not under way") == true)
    }
}
