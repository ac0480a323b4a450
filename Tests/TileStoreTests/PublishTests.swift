import Foundation
import PostgreSQL
import Testing
import TestCluster
import TileGrid
import TileStore

/// Who may publish what: the process that works on a run, and anybody one that is complete, where that shows no file twice.
@Suite struct PublishTests {
    private let f: StoreFixture

    init() throws {
        f = try StoreFixture()
    }

    /// A run that found these scenes at /a.tif, through and not published yet.
    private func run(holding number: Int, _ options: String, path: String = "/a.tif") throws -> Run {
        let run = try f.store.beginRun(StoreFixture.request(model: f.model.name, options: options))
        let scene = try f.store.upsertScene(StoreFixture.scene(number, path: path), run: run)
        _ = try f.store.merge([f.row(number, scene: scene)], run: run)
        try f.store.finishScene(scene, run: run)
        return run
    }

    private func visible() throws -> Set<TileID> {
        Set(try f.store.search(SearchRequest(embedding: StoreFixture.direction(0, 8), k: 100)).hits.map(\.tileID))
    }

    private func refusal(_ run: Run) -> String {
        #expect(throws: PostgreSQLError.self) { try f.anotherStore().publish(runID: run.id) }?.description ?? ""
    }

    @Test func aRunUnderWayOrCutShortIsNotPublishedFromOutside() throws {
        let run = try run(holding: 1, #"{"n": 1}"#)
        #expect(refusal(run).contains("not complete"))
        try f.store.finish(run, .interrupted(reason: "a signal"))
        #expect(refusal(run).contains("interrupted"))
        let again = try f.store.beginRun(run.request)
        try f.store.finish(again, .failed(reason: "too much is gone"))
        #expect(refusal(run).contains("failed"))
        #expect(try visible().isEmpty)
        // What a killed process leaves behind says “running”, and nobody holds its lock.
        try f.store.connection.query("UPDATE tilescout.run SET state = 'running' WHERE id = $1::int", [run.id])
        #expect(refusal(run).contains("not complete"))
        #expect(try visible().isEmpty)
    }

    @Test func aReadyRunIsPublishedUnlessItsPipelineIsUnderWay() throws {
        let ready = try run(holding: 1, #"{"n": 1}"#)
        try f.store.finish(ready, .ready)
        try f.store.connection.query("UPDATE tilescout.run SET pipeline = 'p' WHERE id = $1::int", [ready.id])
        #expect(try f.store.lockPipeline("p", shared: true))
        #expect(refusal(ready).contains("pipeline p is under way"))
        try f.store.connection.query("SELECT pg_advisory_unlock_all()")
        try f.anotherStore().publish(runID: ready.id)
        #expect(try visible() == [StoreFixture.id(1)])
    }

    @Test func aRunWhoseFilesHoldOtherBytesSinceIsNotPublished() throws {
        try f.store.finish(try run(holding: 1, #"{"n": 1}"#), .published)
        let second = try run(holding: 2, #"{"n": 2}"#)
        try f.store.finish(second, .published)
        #expect(try f.store.rollBack(runID: second.id) == [second.id])
        #expect(try visible() == [StoreFixture.id(1)])
        try f.store.finish(try run(holding: 3, #"{"n": 3}"#), .published)
        #expect(refusal(second).contains("/a.tif"))
        #expect(try visible() == [StoreFixture.id(3)])
    }

    @Test func aReadyRunThatALaterOneOvertookIsNotPublished() throws {
        try f.store.finish(try run(holding: 1, #"{"n": 1}"#), .published)
        let ready = try run(holding: 2, #"{"n": 2}"#)
        try f.store.finish(ready, .ready)
        try f.store.finish(try run(holding: 3, #"{"n": 3}"#), .published)
        #expect(refusal(ready).contains("/a.tif"))
        #expect(try visible() == [StoreFixture.id(3)], "the scene that the ready run replaced has gone as well")
    }

    @Test func aFileThatALaterRunFoundGoneKeepsARunHidden() throws {
        let first = try run(holding: 1, #"{"n": 1}"#)
        try f.store.finish(first, .published)
        _ = try f.store.rollBack(runID: first.id)
        let later = try f.store.beginRun(StoreFixture.request(model: f.model.name, options: #"{"n": 2}"#))
        _ = try f.store.noteMissing(["/a.tif"], retire: false, run: later)
        try f.store.finish(later, .published)
        #expect(refusal(first).contains("/a.tif"))
    }

    @Test func rolledBackRunsArePublishedAgainInTheirOrder() throws {
        let runs = try (1...3).map { number in
            let run = try run(holding: number, #"{"n": \#(number)}"#)
            try f.store.finish(run, .published)
            return run
        }
        #expect(try f.store.rollBack(runID: runs[1].id, through: true) == [runs[2].id, runs[1].id])
        #expect(try visible() == [StoreFixture.id(1)])
        #expect(refusal(runs[2]).contains("/a.tif"))
        #expect(try visible() == [StoreFixture.id(1)])
        for (run, number) in [(runs[1], 2), (runs[2], 3)] {
            try f.store.publish(runID: run.id)
            #expect(try visible() == [StoreFixture.id(number)])
        }
    }

    /// What a rolled-back run had stored is found by the next one, and becomes its own; and the other way round.
    @Test func aRunWhoseRowsAnotherTookShowsThemAgain() throws {
        let request = StoreFixture.request(model: f.model.name, options: #"{"n": 1}"#)
        func night() throws -> Run {
            let run = try f.store.beginRun(request)
            let scene = try f.store.upsertScene(StoreFixture.scene(1, path: "/a.tif"), run: run)
            _ = try f.store.merge([f.row(1, scene: scene)], run: run)
            try f.store.finishScene(scene, run: run)
            try f.store.finish(run, .published)
            return run
        }
        let first = try night()
        _ = try f.store.rollBack(runID: first.id)
        let second = try night()
        #expect(second.id != first.id)
        for (shown, next) in [(second, first), (first, second)] {
            #expect(try visible() == [StoreFixture.id(1)])
            _ = try f.store.rollBack(runID: shown.id)
            #expect(try visible().isEmpty)
            try f.store.publish(runID: next.id)
        }
        #expect(try visible() == [StoreFixture.id(1)])
    }

    /// A cut-over to another model that is under way makes no vectors of scenes whose run is rolled back meanwhile.
    @Test func aCutOverUnderWayLeavesARolledBackRunAlone() throws {
        let published = try run(holding: 1, #"{"n": 1}"#)
        try f.store.finish(published, .published)
        let other = try f.store.register(ModelDescription(name: "other", weightsSHA256: String(repeating: "b", count: 64), preprocessing: "{}", dimension: 4))
        let cut = try f.store.joinRun(pipeline: "reembed", RunRequest(kind: .reembed, collection: "c", model: other.name, options: "{}", tiling: "256", version: "test"))
        let file = StoreFixture.scene(1, path: "/a.tif").file, tiling = try f.store.tilingID("256")
        #expect(try f.store.enqueue([(file, nil)], tilingID: tiling, run: cut) == 1)
        let taken = try f.store.claimJobs(runID: cut.id, worker: "w", most: 1, leaseSeconds: 60, alone: false)
        #expect(taken.count == 1)
        let error = try #require(throws: PostgreSQLError.self) { try f.store.rollBack(runID: published.id) }
        #expect("\(error)".contains("just now") && "\(error)".contains("stop tilescout reembed"), "\(error)")
        #expect(try visible() == [StoreFixture.id(1)])
        try f.store.connection.query("SELECT tilescout.put_back('w')")
        _ = try f.store.rollBack(runID: published.id)
        #expect(try f.store.claimJobs(runID: cut.id, worker: "w", most: 1, leaseSeconds: 60, alone: false).isEmpty)
        #expect(try visible().isEmpty)
    }

    @Test func retentionDeletesWhatIsReplacedAndNeitherVisibleNorNeededToGoBack() throws {
        func night(_ number: Int, _ options: String) throws -> Run {
            let run = try run(holding: number, options)
            try f.store.finish(run, .published)
            return run
        }
        func prune() throws -> [Int] {
            let counts = try f.store.prune(collection: "c", keepRuns: 1)
            return [counts.scenes, counts.tiles]
        }
        // The same bytes again: their scene had been replaced before what is kept, and is visible.
        var runs = try [(1, #"{"n": 1}"#), (2, #"{"n": 2}"#), (1, #"{"n": 3}"#)].map { try night($0.0, $0.1) }
        #expect(try prune() == [0, 0])
        #expect(try visible() == [StoreFixture.id(1)])
        // The last night replaced it once more, and is the one that can be rolled back; the second's goes.
        runs.append(try night(3, #"{"n": 4}"#))
        #expect(try prune() == [1, 1])
        #expect(try prune() == [0, 0])
        #expect(try visible() == [StoreFixture.id(3)])
        for table in ["tile", "embedding_1"] { #expect(try f.store.connection.query("SELECT count(*) AS n FROM tilescout.\(table)")[0]["n"] as Int == 2, "\(table)") }
        func refused(through: Bool) throws -> Bool {
            let error = try #require(throws: PostgreSQLError.self) { try f.store.rollBack(runID: runs[2].id, through: through) }
            return "\(error)".contains("what run \(runs[2].id) replaced has been deleted since: retention")
        }
        #expect(try refused(through: true) && visible() == [StoreFixture.id(3)])
        #expect(try f.store.rollBack(runID: runs[3].id) == [runs[3].id] && visible() == [StoreFixture.id(1)])
        #expect(try refused(through: false) && visible() == [StoreFixture.id(1)])
    }

    @Test func goingBackSaysOfWhichOtherCollectionsScenesHaveBeenDeleted() throws {
        let then = try run(holding: 1, #"{"n": 1}"#)
        try f.store.finish(then, .published)
        for number in 2...4 {
            let run = try f.store.beginRun(StoreFixture.request(collection: "d", model: f.model.name, options: #"{"n": \#(number)}"#))
            let scene = try f.store.upsertScene(StoreFixture.scene(number, path: "/d.tif"), run: run)
            _ = try f.store.merge([f.row(number, scene: scene)], run: run)
            try f.store.finish(run, .published)
        }
        #expect(try f.store.setAsOf(runID: then.id).isEmpty)
        #expect(try f.store.prune(collection: "d", keepRuns: 1).scenes == 1)
        #expect(try f.store.setAsOf(runID: then.id) == ["d"])
        _ = f.store.connection.takeNotices()
        _ = try visible()
        #expect(f.store.connection.takeNotices().contains { $0.severity == "WARNING" && $0.message.contains("scenes of d that were visible") })
    }
}
