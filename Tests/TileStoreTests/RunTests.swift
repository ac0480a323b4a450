import Foundation
import PostgreSQL
import Testing
import TestCluster
import TileGrid
import TileStore

@Suite struct RunTests {
    private let everything = SearchRequest(embedding: StoreFixture.direction(0, 8), k: 100)

    @Test func aRunIsHiddenUntilItIsPublishedWhole() throws {
        let f = try StoreFixture()
        let scene = try f.addScene(1)
        _ = try f.store.merge([f.row(1, scene: scene), f.row(2, scene: scene)], run: f.run)
        let empty = try f.store.contentHash()
        #expect(try f.store.search(everything).hits.isEmpty)
        #expect(try f.store.scenes().isEmpty)
        #expect(try f.store.tile(StoreFixture.id(1)) == nil)
        try f.store.finish(f.run, .published)
        #expect(try f.store.search(everything).hits.count == 2)
        #expect(try f.store.scenes().map(\.tiles) == [2])
        #expect(try f.store.tile(StoreFixture.id(1)) != nil)
        #expect(try f.store.contentHash() != empty)
        #expect(throws: PostgreSQLError.self) { try f.store.finish(f.run, .published) }
        #expect(throws: PostgreSQLError.self) { try f.store.merge([f.row(3, scene: scene)], run: f.run) }
    }

    @Test func anInterruptedRunIsContinuedUnderItsId() throws {
        let f = try StoreFixture()
        let scene = try f.addScene(1)
        _ = try f.store.merge([f.row(1, scene: scene)], run: f.run)
        try f.store.finish(f.run, .interrupted(reason: "a signal"))
        let again = try f.store.beginRun(f.run.request)
        #expect(again.id == f.run.id && again.isResumed && again.attempts == 2)
        let other = try f.anotherStore().beginRun(StoreFixture.request(model: f.model.name, options: #"{"a": 1}"#))
        #expect(other.id != f.run.id && !other.isResumed)
    }

    @Test func twoProcessesNeverWorkOnOneRunAndADeadOneLetsGo() throws {
        let f = try StoreFixture()
        let error = #expect(throws: PostgreSQLError.self) { try f.anotherStore().beginRun(f.run.request) }
        #expect(error?.description.contains("is being worked on by process") == true)
        // A process that dies takes its connection, and so its lock, with it.
        var dying: TileStore? = try f.anotherStore()
        let second = StoreFixture.request(model: f.model.name, options: #"{"n": 2}"#)
        let begun = try dying!.beginRun(second)
        try f.store.connection.query("SELECT pg_terminate_backend($1::int, 5000)", [dying!.connection.backendPID])
        dying = nil
        let again = try f.store.beginRun(second)
        #expect(again.id == begun.id && again.isResumed)
    }

    /// Interrupted or not, in one piece or in many, in whatever order: the same content.
    @Test func contentDoesNotDependOnHowItCameIn() throws {
        func ingest(_ batches: [[Int]], interruptAfter: Int?) throws -> String {
            var f = try StoreFixture()
            for (index, batch) in batches.enumerated() {
                let scene = try f.addScene(1)
                _ = try f.store.merge(batch.map { f.row($0, scene: scene) }, run: f.run)
                if index == interruptAfter {
                    try f.store.finish(f.run, .interrupted(reason: "test"))
                    f.run = try f.store.beginRun(f.run.request)
                }
            }
            try f.store.finishScene(try f.addScene(1), run: f.run)
            try f.store.finish(f.run, .published)
            return try f.store.contentHash()
        }
        let whole = try ingest([Array(0..<30)], interruptAfter: nil)
        #expect(try ingest([Array(0..<10), Array(10..<30)], interruptAfter: 0) == whole)
        #expect(try ingest([Array((5..<30).reversed()), Array(0..<20)], interruptAfter: nil) == whole)
        #expect(try ingest([Array(0..<29)], interruptAfter: nil) != whole)
    }

    @Test func tilesOfAnAbandonedRunBecomeVisibleWithTheRunThatMeetsThem() throws {
        let f = try StoreFixture()
        let scene = try f.addScene(1)
        _ = try f.store.merge((0..<4).map { f.row($0, scene: scene) }, run: f.run)
        try f.store.finishScene(scene, run: f.run)
        try f.store.finish(f.run, .failed(reason: "test"))
        // Other options, the same tiles: met by look-up (0, 1) or by merge (2); 3 is not met.
        let other = try f.store.beginRun(StoreFixture.request(model: f.model.name, options: #"{"other": true}"#))
        #expect(try f.store.sceneStatus(StoreFixture.scene(1).file, run: other) == .known(sceneID: scene), "what is not published is not done")
        #expect(try f.store.existingTiles([0, 1].map(StoreFixture.id), run: other).count == 2)
        _ = try f.store.merge([f.row(2, scene: scene)], run: other)
        try f.store.finishScene(scene, run: other)
        try f.store.finish(other, .published)
        #expect(Set(try f.store.search(everything).hits.map(\.tileID)) == Set([0, 1, 2].map(StoreFixture.id)))
        #expect(try f.store.scenes().count == 1)
    }

    @Test func anUnchangedSceneIsToldWithoutReading() throws {
        let f = try StoreFixture()
        let record = StoreFixture.scene(1)
        #expect(try f.store.sceneStatus(record.file, run: f.run) == .unknown)
        let scene = try f.addScene(1)
        #expect(try f.store.sceneStatus(record.file, run: f.run) == .known(sceneID: scene))
        try f.store.finishScene(scene, run: f.run, skipped: ["nodata": 3])
        #expect(try f.store.sceneStatus(record.file, run: f.run) == .complete(sceneID: scene))
        try f.store.finish(f.run, .published)
        let next = try f.store.beginRun(f.run.request)
        #expect(next.id != f.run.id)
        #expect(try f.store.sceneStatus(record.file, run: next) == .complete(sceneID: scene))
        var touched = record.file
        touched.modifiedNanoseconds += 1
        #expect(try f.store.sceneStatus(touched, run: next) == .unknown)
        #expect(try f.store.sceneStatus(touched, sha256: record.sha256, run: next) == .complete(sceneID: scene))
        try f.store.note(touched, holds: scene, run: next)
        #expect(try f.store.sceneStatus(touched, run: next) == .complete(sceneID: scene))
        let tiling = try f.anotherStore().beginRun(StoreFixture.request(model: f.model.name, options: #"{"x": 1}"#, tiling: "512"))
        #expect(try f.store.sceneStatus(touched, run: tiling) == .known(sceneID: scene))
    }

    @Test func tilesOfALayoutAreCountedAgainstWhatIsStored() throws {
        let f = try StoreFixture()
        let scene = try f.addScene(1)
        _ = try f.store.merge([f.row(1, scene: scene), f.row(2, scene: scene)], run: f.run)
        func counts(_ run: Run) throws -> [Int] {
            let counts = try f.store.tileCounts(runID: run.id)
            return [counts.seen, counts.stored, counts.alreadyThere]
        }
        // Four in the layout, one left out, one that nobody stored: the scene is not through.
        #expect(throws: TilesTakenAway.self) { try f.store.finishScene(scene, run: f.run, skipped: ["nodata": 1], tiles: [1, 2, 3, 4].map(StoreFixture.id)) }
        _ = try f.store.merge([f.row(3, scene: scene)], run: f.run)
        try f.store.finishScene(scene, run: f.run, skipped: ["nodata": 1], tiles: [1, 2, 3, 4].map(StoreFixture.id))
        #expect(try counts(f.run) == [4, 3, 0] && f.store.tileCounts(runID: f.run.id).skipped == #"{"nodata": 1}"#)
        try f.store.finish(f.run, .published)
        // Another run meets two of them and brings a fifth.
        let other = try f.store.beginRun(StoreFixture.request(model: f.model.name, options: #"{"x": 1}"#))
        _ = try f.store.merge([f.row(2, scene: scene), f.row(5, scene: scene)], run: other)
        try f.store.finishScene(scene, run: other, tiles: [1, 2, 5].map(StoreFixture.id))
        #expect(try counts(other) == [3, 1, 2])
    }

    @Test func aReplacedFileHidesItsFormerSceneOnPublish() throws {
        let f = try StoreFixture()
        let old = try f.addScene(1, path: "/a.tif")
        _ = try f.store.merge([f.row(1, scene: old)], run: f.run)
        try f.store.finish(f.run, .published)
        let run = try f.store.beginRun(f.run.request)
        let new = try f.store.upsertScene(StoreFixture.scene(2, path: "/a.tif"), run: run)
        #expect(new != old)
        _ = try f.store.merge([f.row(2, scene: new)], run: run)
        #expect(try f.store.search(everything).hits.map(\.tileID) == [StoreFixture.id(1)], "yesterday's state until published")
        try f.store.finish(run, .published)
        #expect(try f.store.search(everything).hits.map(\.tileID) == [StoreFixture.id(2)])
        #expect(try f.store.scenes().map(\.id) == [new])
        // The old bytes come back.
        let third = try f.store.beginRun(f.run.request)
        #expect(try f.store.upsertScene(StoreFixture.scene(1, path: "/a.tif"), run: third) == old)
        try f.store.finish(third, .published)
        #expect(try f.store.search(everything).hits.map(\.tileID) == [StoreFixture.id(1)])
    }

    @Test func theSameBytesUnderTwoPathsAreOneScene() throws {
        let f = try StoreFixture()
        #expect(try f.addScene(1, path: "/a.tif") == f.addScene(1, path: "/b.tif"))
        try f.store.finish(f.run, .published)
        #expect(try f.store.scenes().count == 1)
        #expect(try f.store.findScenes("/b.tif") == f.store.findScenes("/a.tif"))
    }

    @Test func aForgottenSceneIsGoneAndMayComeBack() throws {
        let f = try StoreFixture()
        let empty = try f.store.contentHash()
        let scene = try f.addScene(1)
        _ = try f.store.merge([f.row(1, scene: scene), f.row(2, scene: scene)], run: f.run)
        try f.store.finishScene(scene, run: f.run)
        try f.store.finish(f.run, .published)
        #expect(try f.store.forget(sceneID: scene) == 2)
        #expect(try f.store.contentHash() == empty && f.store.scenes().isEmpty)
        #expect(try f.store.search(everything).hits.isEmpty)
        let run = try f.store.beginRun(f.run.request)
        #expect(try f.store.sceneStatus(StoreFixture.scene(1).file, run: run) == .unknown)
        #expect(throws: PostgreSQLError.self) { try f.store.forget(sceneID: scene) }
    }

    @Test func oneTileMayLieInTwoCollections() throws {
        let f = try StoreFixture()
        let first = try f.addScene(1)
        _ = try f.store.merge([f.row(1, scene: first)], run: f.run)
        try f.store.finish(f.run, .published)
        let run = try f.store.beginRun(StoreFixture.request(collection: "d", model: f.model.name))
        let second = try f.store.upsertScene(StoreFixture.scene(1), run: run)
        #expect(second != first)
        #expect(try f.store.merge([f.row(1, scene: second)], run: run).inserted == 1)
        #expect(throws: PostgreSQLError.self) { try f.store.merge([f.row(2, scene: first)], run: run) }
        try f.store.finish(run, .published)
        #expect(try f.store.search(everything).hits.map(\.collection).sorted() == ["c", "d"])
        var request = everything
        request.collections = ["d"]
        #expect(try f.store.search(request).hits.map(\.sceneID) == [second])
    }

    @Test func failuresAreListedUntilTheFileGoesIn() throws {
        let f = try StoreFixture()
        try f.store.recordFailure(f.run, path: "/scenes/1.tif", stage: "open", reason: "not a TIFF")
        try f.store.recordFailure(f.run, path: "/scenes/1.tif", stage: "open", reason: "still not a TIFF\0")
        #expect(try f.store.failures().map(\.reason) == ["still not a TIFF\u{FFFD}"])
        try f.store.finishScene(try f.addScene(1), run: f.run)
        #expect(try f.store.failures().isEmpty)
    }

    @Test func aModelKeepsItsNameAndItsWeights() throws {
        let f = try StoreFixture()
        var model = f.model.description
        #expect(try f.store.register(model).id == f.model.id)
        model.weightsSHA256 = String(repeating: "c", count: 64)
        #expect(throws: PostgreSQLError.self) { try f.store.register(model) }
        model = f.model.description
        model.name = "alias"
        #expect(throws: PostgreSQLError.self) { try f.store.register(model) }
        #expect(try f.store.models().map(\.name) == [f.model.name])
    }
}

@Suite struct DiscardTests {
    @Test func aSceneThatFailedHalfWayLeavesNothingAndOthersStay() throws {
        let f = try StoreFixture()
        let good = try f.addScene(1), bad = try f.addScene(2)
        _ = try f.store.merge([f.row(1, scene: good), f.row(2, scene: bad), f.row(3, scene: bad)], run: f.run)
        #expect(try f.store.discard(sceneID: bad, run: f.run) == 2)
        #expect(try f.store.findScenes("/scenes/2.tif").isEmpty)
        try f.store.finish(f.run, .published)
        #expect(try f.store.search(SearchRequest(embedding: StoreFixture.direction(0, 8))).hits.map(\.tileID) == [StoreFixture.id(1)])
    }

    /// Nobody has said that these scenes failed: they were begun when the process died, and the next one did not meet them.
    @Test func whatAnAttemptThatWasCutShortHadBegunIsTakenBackUnlessItIsGoneThrough() throws {
        var f = try StoreFixture()
        let replaced = try f.addScene(1, path: "/replaced.tif")
        _ = try f.store.merge([f.row(1, scene: replaced)], run: f.run)
        try f.store.finishScene(replaced, run: f.run)
        try f.store.finish(f.run, .published)
        f.run = try f.store.beginRun(f.run.request)
        let through = try f.addScene(2), half = try f.addScene(3), goneOnWith = try f.addScene(4)
        _ = try f.store.merge([f.row(2, scene: through), f.row(3, scene: half), f.row(4, scene: goneOnWith)], run: f.run)
        try f.store.finishScene(through, run: f.run)
        // No tile of it was merged, but the file is known to hold it.
        _ = try f.addScene(5, path: "/replaced.tif")
        try f.store.finish(f.run, .interrupted(reason: "a signal"))
        f.run = try f.store.beginRun(f.run.request)
        _ = try f.store.merge([f.row(6, scene: goneOnWith)], run: f.run)
        try f.store.finishScene(goneOnWith, run: f.run)
        #expect(try f.store.discardFailed(run: f.run) == 1)
        try f.store.finish(f.run, .published)
        let hits = try f.store.search(SearchRequest(embedding: StoreFixture.direction(0, 8), k: 100)).hits
        #expect(Set(hits.map(\.tileID)) == Set([1, 2, 4, 6].map(StoreFixture.id)))
        #expect(Set(try f.store.scenes().map(\.id)) == [replaced, through, goneOnWith])
        #expect(try f.store.findScenes("/replaced.tif") == [replaced])
    }

    /// The same bytes under two paths, cut in two sizes: good is what came through in both, from whichever file.
    @Test(arguments: [(otherIsGood: false, remaining: 0), (otherIsGood: true, remaining: 2)])
    func oneSizeThatFailedUnderBothPathsTakesTheOtherBackAsWell(otherIsGood: Bool, remaining: Int) throws {
        let f = try StoreFixture()
        let small = f.run, large = f.run.cutting(try f.store.tilingID("512"), "512")
        let scene = try f.addScene(1, path: "/a.tif")
        #expect(try f.addScene(1, path: "/b.tif") == scene)
        _ = try f.store.merge([f.row(1, scene: scene)], run: small)
        _ = try f.store.merge([f.row(2, scene: scene)], run: large)
        for run in [small, large] {
            try f.store.enqueue(["/a.tif", "/b.tif"].map { (StoreFixture.scene(1, path: $0).file, nil) }, tilingID: run.tilingID, run: run)
        }
        for job in try f.store.claimJobs(runID: f.run.id, worker: "w", most: 10, leaseSeconds: 60, alone: true) {
            let isGood = job.tilingID == small.tilingID || (job.file.path == "/b.tif" && otherIsGood)
            if isGood { try f.store.finishScene(scene, run: job.tilingID == small.tilingID ? small : large) }
            #expect(try f.store.endJob(job.id, worker: "w", isGood ? .ingested : .failed(stage: "cut", reason: "no")))
        }
        try f.store.discardFailed(run: f.run)
        try f.store.finish(f.run, .published)
        #expect(try f.store.search(SearchRequest(embedding: StoreFixture.direction(0, 8))).hits.count == remaining)
        #expect(try f.store.scenes().count == (remaining == 0 ? 0 : 1))
    }
}
