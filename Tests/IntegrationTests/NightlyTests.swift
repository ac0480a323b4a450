import Foundation
import TestCluster
import TileStore
import Testing

/// What an operator finds in the morning: the new scenes, all of them, or the state of yesterday with the reason.
@Suite("Nightly run", .serialized)
final class NightlyTests {
    @Test("New scenes are searchable in the morning; a night without news changes nothing")
    func everyNight() throws {
        let night = try Night()
        for seed in 0..<3 { try night.addScene("s\(seed).tif", seed: seed) }
        let first = try night.run()
        #expect(first.status == 0, "\(first.error)")
        #expect(first.report?.scenes.ingested == 3 && first.report?.tiles.stored == 6 && first.report?.reconciles == true)
        #expect(try night.store.scenes().count == 3)

        let second = try night.run()
        #expect(second.status == 0 && second.report?.scenes.unchanged == 3 && second.report?.tiles.seen == 0, "\(second.error)")
    }

    @Test("A changed scene replaces its tiles, a moved one keeps them, a removed one goes: together, when the run is published")
    func difference() throws {
        let night = try Night("removed: {max_share: 0.7}")
        for seed in 0..<4 { try night.addScene("s\(seed).tif", seed: seed) }
        #expect(try night.run().status == 0)
        let before = Dictionary(uniqueKeysWithValues: try night.store.scenes().map { ($0.path, $0.sha256) })
        try night.addScene("s0.tif", seed: 7)
        try FileManager.default.moveItem(atPath: night.path("s1.tif"), toPath: night.path("moved.tif"))
        try FileManager.default.removeItem(atPath: night.path("s2.tif"))
        try night.addScene("new.tif", seed: 9)
        let ended = try night.run()
        let report = try #require(ended.report, "\(ended.error)")
        #expect(ended.status == 0 && report.reconciles)
        #expect(report.scenes.new == 2 && report.scenes.changed == 1 && report.scenes.removed == 2 && report.scenes.retired == 1)
        #expect(report.scenes.ingested == 2 && report.scenes.known == 1 && report.scenes.unchanged == 1 && report.tiles.stored == 4)
        let after = try night.store.scenes()
        #expect(after.count == 4 && !after.contains { $0.sha256 == before[night.path("s2.tif")] || $0.sha256 == before[night.path("s0.tif")] })
        #expect(after.contains { $0.sha256 == before[night.path("s1.tif")] })

        // Rolled back, yesterday is there again; published once more, today.
        let today = try night.store.contentHash()
        #expect(try night.program.run(["rollback"]).status == 0)
        #expect(Set(try night.store.scenes().map(\.sha256)) == Set(before.values))
        #expect(try night.program.run(["publish", "\(report.run)"]).status == 0)
        #expect(try night.store.contentHash() == today)
        // And rolled back for good, the next run finds the same again.
        #expect(try night.program.run(["rollback", "\(report.run)"]).status == 0)
        let again = try night.run()
        #expect(again.status == 0 && again.report?.reconciles == true, "\(again.error)")
        #expect(try night.store.contentHash() == today)
    }

    @Test("A path that is a folder by now, or another name of a scene that is there, is gone; what comes back as it was is noted once")
    func becameSomethingElse() throws {
        let night = try Night("removed: {max_share: 1}"), files = FileManager.default
        for seed in 0..<3 { try night.addScene("s\(seed).tif", seed: seed) }
        try files.copyItem(atPath: night.path("s0.tif"), toPath: night.path("copy.tif"))
        #expect(try night.run().status == 0)
        for name in ["s1.tif", "s2.tif"] { try files.removeItem(atPath: night.path(name)) }
        try files.createDirectory(atPath: night.path("s1.tif"), withIntermediateDirectories: false)
        try files.createSymbolicLink(atPath: night.path("s2.tif"), withDestinationPath: night.path("s0.tif"))
        let away = night.folder.appendingPathComponent("away.tif").path
        try files.moveItem(atPath: night.path("copy.tif"), toPath: away)
        let changed = try #require(try night.run().report)
        #expect(changed.scenes.removed == 3 && changed.scenes.retired == 2)
        #expect(try night.store.scenes().map(\.sha256).count == 1)
        try files.moveItem(atPath: away, toPath: night.path("copy.tif"))
        let back = try #require(try night.run().report), quiet = try #require(try night.run().report)
        #expect(back.scenes.new == 1 && back.scenes.known == 1)
        #expect(quiet.scenes.new == 0 && quiet.scenes.unchanged == 2 && quiet.scenes.removed == 0)
    }

    @Test("A search goes back to what a run published")
    func asOf() throws {
        let night = try Night()
        try night.addScene("a.tif", seed: 1)
        let first = try #require(try night.run().report)
        try night.addScene("a.tif", seed: 2)
        try night.addScene("b.tif", seed: 3)
        let second = try #require(try night.run().report)
        func seen(_ run: Int?) throws -> Set<String> {
            try night.store.setAsOf(runID: run)
            defer { _ = try? night.store.setAsOf(runID: nil) }
            let some = try #require(try night.store.connection.query(
                "SELECT t.id FROM tilescout.tile AS t, tilescout.hidden() AS h WHERE NOT t.run_id = ANY (coalesce(h.runs, '{}')) AND NOT t.scene_id = ANY (coalesce(h.scenes, '{}')) LIMIT 1").first)
            var request = SearchRequest(likeTile: TileIDText.id(try some["id"]), k: 50)
            request.excludeSelf = false
            return Set(try night.store.search(request).hits.map { "\($0.sceneID)" })
        }
        let (then, now) = (try seen(first.run), try seen(second.run))
        #expect(then.count == 1 && now.count == 2 && then.isDisjoint(with: now))
        #expect(try seen(nil) == now)
        #expect(throws: (any Error).self) { try seen(999) }
    }

    @Test("What was gone and comes back is visible with the run that finds it, not before")
    func revival() throws {
        let night = try Night("removed: {max_share: 1}\npublish: {policy: manual}")
        try night.addScene("a.tif", seed: 1)
        try night.addScene("b.tif", seed: 2)
        func publish() throws {
            let report = try #require(try night.run().report)
            #expect(report.outcome == "ready")
            #expect(try night.program.run(["publish", "\(report.run)"]).status == 0)
        }
        try publish()
        let both = try night.store.contentHash()
        let away = night.folder.appendingPathComponent("away.tif").path
        try FileManager.default.moveItem(atPath: night.path("b.tif"), toPath: away)
        try publish()
        #expect(try night.store.scenes().map(\.path) == [night.path("a.tif")])
        try FileManager.default.moveItem(atPath: away, toPath: night.path("b.tif"))
        #expect(try night.run().report?.outcome == "ready")
        #expect(try night.store.scenes().count == 1)
        #expect(try night.program.run(["publish", "\(try #require(night.store.runs(limit: 1).first).id)"]).status == 0)
        #expect(try night.store.contentHash() == both)
    }

    @Test("A source that is not there, or an archive that is suddenly empty, is refused: nothing is hidden")
    func missingSource() throws {
        let night = try Night()
        for seed in 0..<5 { try night.addScene("s\(seed).tif", seed: seed) }
        #expect(try night.run().status == 0)
        let hash = try night.store.contentHash()
        let away = night.folder.appendingPathComponent("unmounted").path
        try FileManager.default.moveItem(atPath: night.archive.path, toPath: away)
        let gone = try night.run()
        #expect(gone.status == 66 && gone.error.contains("no such file or directory"), "\(gone.error)")
        try FileManager.default.createDirectory(at: night.archive, withIntermediateDirectories: true)
        let empty = try night.run()
        #expect(empty.status == 3 && empty.error.contains("5 of 5 known files are gone"), "\(empty.error)")
        #expect(try night.store.contentHash() == hash)
        try FileManager.default.removeItem(at: night.archive)
        try FileManager.default.moveItem(atPath: away, toPath: night.archive.path)
        #expect(try night.run().report?.scenes.unchanged == 5)
        #expect(try night.store.contentHash() == hash)
    }

    @Test("One of two sources that is suddenly empty is refused, however small its share of all files; the others' growth hides nothing")
    func emptySource() throws {
        let night = try Night()
        let mount = night.folder.appendingPathComponent("mount").path
        try FileManager.default.createDirectory(atPath: mount, withIntermediateDirectories: true)
        try night.give(sources: [night.archive.path, mount])
        for seed in 0..<6 { try night.addScene("s\(seed).tif", seed: seed) }
        try FileManager.default.moveItem(atPath: night.path("s5.tif"), toPath: mount + "/s5.tif")
        #expect(try night.run().status == 0)
        try FileManager.default.removeItem(atPath: mount + "/s5.tif")
        try night.addScene("s6.tif", seed: 6)
        let ended = try night.run()
        #expect(ended.status == 3 && ended.error.contains("1 of 1 known files are gone from \(mount)"), "\(ended.error)")
        #expect(try night.store.scenes().count == 6)
    }

    @Test("Two runs of one pipeline never overlap: the second says so with a status of its own")
    func overlap() throws {
        let night = try Night()
        try night.addScene("a.tif", seed: 1)
        #expect(try night.store.lockPipeline("night", shared: false))
        try night.tellFailures()
        let ended = try night.run()
        #expect(ended.status == 75 && ended.error.contains("another run of it is under way"), "\(ended.error)")
        #expect(night.told == nil && night.metrics.isEmpty, "what is told is the other run's")
    }

    @Test("What cannot be done while a pipeline is under way has that status; what a role may not do is none to try again")
    func statuses() throws {
        let night = try Night("publish: {policy: manual}")
        try night.addScene("a.tif", seed: 1)
        #expect(try night.run().report?.outcome == "ready")
        #expect(try night.store.lockPipeline("night", shared: false))
        for arguments in [["publish", "1"], ["runs", "--discard", "1"]] {
            let ended = try night.program.run(arguments)
            #expect(ended.status == 75, "\(ended.status) \(ended.error)")
        }
        try night.store.connection.execute(script: "DROP ROLE IF EXISTS reader_of_nights; CREATE ROLE reader_of_nights LOGIN; GRANT tilescout_read TO reader_of_nights")
        var reader = night.program
        reader.environment["PGOPTIONS"] = "-c role=reader_of_nights"
        let ended = try reader.run(["publish", "1"])
        #expect(ended.status == 78 && ended.error.contains("permission denied"), "\(ended.status) \(ended.error)")
    }

    @Test("Several tile sizes are published together")
    func sizes() throws {
        let night = try Night("tiles: {sizes: [64, 128]}")
        try night.addScene("a.tif", seed: 1)
        let report = try #require(try night.run().report)
        #expect(report.scenes.ingested == 1 && report.tiles.stored == 2 + 8 && report.reconciles)
        #expect(try night.run().report?.scenes.unchanged == 1)
    }

    @Test("A run that fails more than is allowed is not published, the failure command is told, and no secret with it")
    func refused() throws {
        let night = try Night("""
            publish: {max_failed: 0.4, few_failed: 0}
            """)
        try night.addScene("good.tif", seed: 1)
        try "no raster".write(toFile: night.path("bad.tif"), atomically: true, encoding: .utf8)
        try night.tellFailures()
        let ended = try night.run()
        #expect(ended.status == 3 && ended.error.contains("1 of 2 scenes failed"), "\(ended.error)")
        #expect(try night.store.scenes().isEmpty)
        let environment = try #require(night.told)
        #expect(environment.contains("TILESCOUT_PIPELINE=night") && !environment.contains("TILESCOUT_DATABASE="))
        #expect(environment.contains("TILESCOUT_REPORT=\(night.folder.path)/reports/night-\(try #require(ended.report).run).html"))
        #expect(try night.run().status == 3)
        try FileManager.default.removeItem(atPath: night.path("bad.tif"))
        let good = try night.run()
        #expect(good.status == 0 && good.report?.reconciles == true, "\(good.error)")
        #expect(try night.store.scenes().count == 1)
    }

    @Test("A file that was bad last night already does not keep this night's scenes from being published")
    func stillBad() throws {
        let night = try Night("publish: {max_failed: 0.5}")
        try night.addScene("a.tif", seed: 1)
        try "no raster".write(toFile: night.path("bad.tif"), atomically: true, encoding: .utf8)
        #expect(try night.run().report?.outcome == "published")
        let second = try night.run()
        #expect(second.status == 2 && second.report?.outcome == "published" && second.report?.scenes.failed == 1, "\(second.error)")
    }

    @Test("On a small night a few bad files keep nothing hidden, whatever share they are; more than a few do")
    func fewFailed() throws {
        let night = try Night("publish: {max_failed: 0.1, few_failed: 1}")
        for seed in 1...2 { try night.addScene("s\(seed).tif", seed: seed) }
        try "no raster".write(toFile: night.path("bad1.tif"), atomically: true, encoding: .utf8)
        let first = try night.run()
        #expect(first.status == 2 && first.report?.outcome == "published" && first.report?.scenes.failed == 1, "\(first.error)")
        #expect(try night.store.scenes().count == 2)
        try night.addScene("s3.tif", seed: 3)
        for number in 2...3 { try "no raster".write(toFile: night.path("bad\(number).tif"), atomically: true, encoding: .utf8) }
        let second = try night.run()
        #expect(second.status == 3 && second.error.contains("2 of 3 scenes failed"), "\(second.error)")
    }

    @Test("A password is in no message and no report, whatever fails")
    func secrets() throws {
        let night = try Night()
        try night.addScene("a.tif", seed: 1)
        for url in ["postgresql://operator:hunter2@/tiles?host=/no/such/socket", "host=/no/such/socket user=operator password=hunter2 nonsense"] {
            let outcome = try night.program.run(["run", night.pipeline, "--database", url])
            #expect(outcome.status != 0 && !outcome.error.isEmpty)
            #expect(!outcome.error.contains("hunter2") && !outcome.output.contains("hunter2"), "\(outcome.error)")
        }
    }

    @Test("The report is JSON, a page that needs nothing else, and text that Prometheus reads")
    func report() throws {
        let night = try Night()
        try night.addScene("a.tif", seed: 1)
        try "no <b>raster</b>".write(toFile: night.path("b<i>.tif"), atomically: true, encoding: .utf8)
        let ended = try night.run()
        let run = try #require(ended.report?.run, "\(ended.error)")
        #expect(ended.status == 2)
        let page = try String(contentsOf: night.folder.appendingPathComponent("reports/night-\(run).html"), encoding: .utf8)
        #expect(page.contains("data:image/png;base64,") && page.contains("<svg") && page.contains("b&lt;i&gt;.tif"))
        #expect(!page.contains("http") && !page.contains("<script") && !page.contains("≠"))
        let metrics = try String(contentsOf: night.folder.appendingPathComponent("tilescout.prom"), encoding: .utf8)
        #expect(metrics.contains("tilescout_run_scenes{pipeline=\"night\",outcome=\"ingested\"} 1\n"))
        #expect(metrics.contains("tilescout_run_scenes{pipeline=\"night\",outcome=\"failed\"} 1\n"))
    }

    @Test("Whatever a run fails of, its report, its figures and the failure command say so")
    func failedReport() throws {
        let night = try Night()
        for seed in 0..<3 { try night.addScene("s\(seed).tif", seed: seed) }
        try night.tellFailures()
        #expect(try night.run().status == 0)
        #expect(night.told == nil && night.metrics.contains("tilescout_run_published{pipeline=\"night\"} 1\n"))
        func expect(_ ended: Night.Ended, _ status: Int32, _ outcome: String, report: String, _ reason: String) throws {
            #expect(ended.status == status, "\(ended.error)")
            #expect(ended.report?.outcome == outcome && ended.report?.reason?.contains(reason) == true && ended.report?.reconciles == true, "\(ended)")
            #expect(night.metrics.contains("tilescout_run_published{pipeline=\"night\"} 0\n"))
            let page = night.folder.path + "/reports/night-\(report).html"
            #expect(try String(contentsOfFile: page, encoding: .utf8).contains(reason))
            #expect(night.told?.contains("TILESCOUT_REPORT=\(page)\n") == true)
            for written in [night.folder.path + "/told", night.folder.path + "/tilescout.prom"] { try FileManager.default.removeItem(atPath: written) }
        }
        let away = night.folder.appendingPathComponent("unmounted").path
        try FileManager.default.moveItem(atPath: night.archive.path, toPath: away)
        try expect(night.run(), 66, "failed", report: "failed", "no such file or directory")
        try FileManager.default.createDirectory(at: night.archive, withIntermediateDirectories: true)
        let empty = try night.run()
        try expect(empty, 3, "refused", report: "\(try #require(empty.report).run)", "3 of 3 known files are gone")
        #expect(empty.report?.scenes.removed == 3)
        try expect(night.run(["--database", "host=/no/such/socket"]), 69, "failed", report: "failed", "/no/such/socket")
    }

    @Test("What fails after publishing is a note and a warning: the run is published")
    func maintenanceFails() throws {
        let night = try Night()
        try night.addScene("a.tif", seed: 1)
        #expect(try night.program.run(["db", "migrate"]).status == 0)
        try night.store.connection.query("ALTER FUNCTION tilescout.plan_index RENAME TO elsewhere")
        let ended = try night.run()
        #expect(ended.status == 0 && ended.error.contains("warning: run 1 is published, but the index"), "\(ended.error)")
        #expect(ended.report?.outcome == "published" && ended.report?.notes.contains { $0.contains("the index") } == true)
        #expect(try night.store.scenes().count == 1)
    }

    @Test("A report that cannot be written is status 74 and said, also by a quiet run; the figures are written all the same")
    func unwritableReport() throws {
        let night = try Night()
        try night.addScene("a.tif", seed: 1)
        try night.tellFailures()
        try "a file".write(toFile: night.folder.path + "/reports", atomically: true, encoding: .utf8)
        let ended = try night.run()
        #expect(ended.status == 74 && ended.error.contains("its report is not complete") && ended.error.contains("/reports/night-1.json"), "\(ended.error)")
        #expect(try night.store.scenes().count == 1)
        #expect(night.metrics.contains("tilescout_run_published{pipeline=\"night\"} 1\n"))
        #expect(night.told?.contains("TILESCOUT_REASON=cannot write") == true)
    }
}
