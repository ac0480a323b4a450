import Foundation
import PostgreSQL
import Testing
import TestCluster
import TileGrid
import TileStore

/// Several runs over the same files, of which some are cut short, discarded or rolled back: no scene is ever seen half, twice, or longer than its file.
@Suite("Runs that cross each other") struct CrossingRunsTests {
    private let f: StoreFixture

    init() throws {
        f = try StoreFixture()
        try f.store.finish(f.run, .published)
    }

    private func begin(_ number: Int) throws -> Run {
        try f.store.beginRun(StoreFixture.request(model: f.model.name, options: #"{"n": \#(number)}"#))
    }

    private static func file(_ number: Int, _ path: String) -> SceneFile { StoreFixture.scene(number, path: path).file }

    /// As an ingest goes through a scene: what is stored is met, the rest is stored. Its tiles have the numbers 10 · `number` and following.
    @discardableResult
    private func take(_ number: Int, at path: String, _ run: Run, tiles: Range<Int> = 0..<2, finished: Bool = true) throws -> Int {
        let scene = try f.store.upsertScene(StoreFixture.scene(number, path: path), run: run)
        let ids = tiles.map { 10 * number + $0 }, known = try f.store.existingTiles(ids.map(StoreFixture.id), run: run)
        _ = try f.store.merge(ids.filter { !known.contains(StoreFixture.id($0)) }.map { f.row($0, scene: scene) }, run: run)
        if finished { try f.store.finishScene(scene, run: run, tiles: ids.map(StoreFixture.id)) }
        return scene
    }

    /// Numbers of scenes, and how many tiles of each are seen.
    private func visible() throws -> [Int: Int] {
        let hits = try f.store.search(SearchRequest(embedding: StoreFixture.direction(0, 8), k: 100)).hits
        return (1..<10).reduce(into: [:]) { seen, number in
            let count = hits.count { hit in (0..<10).contains { hit.tileID == StoreFixture.id(10 * number + $0) } }
            if count > 0 { seen[number] = count }
        }
    }

    /// A run that found scene 2 in /a.tif, which holds scene 1 in what is published, and was cut short.
    private func abandonedRun() throws -> Run {
        let first = try begin(1)
        try take(1, at: "/a.tif", first)
        try f.store.finish(first, .published)
        let abandoned = try begin(2)
        try take(2, at: "/a.tif", abandoned)
        try f.store.finish(abandoned, .interrupted(reason: "a signal"))
        return abandoned
    }

    @Test("Tiles that another run takes back leave no half scene", arguments: [false, true]) func takenBack(_ isReady: Bool) throws {
        let first = try begin(1)
        try take(1, at: "/a.tif", first, tiles: 0..<1, finished: false)
        try f.store.finish(first, .interrupted(reason: "a signal"))
        let second = try begin(2)
        try take(1, at: "/a.tif", second)
        try take(2, at: "/b.tif", second)
        if isReady { try f.store.finish(second, .ready) }
        // The first is continued, and does not come to this scene.
        #expect(try f.store.discardFailed(run: begin(1)) == 1)
        if isReady {
            let error = try #require(throws: PostgreSQLError.self) { try f.anotherStore().publish(runID: second.id) }
            #expect("\(error)".contains("have been taken away"), "\(error)")
        }
        let continued = isReady ? try begin(2) : second
        _ = try f.store.discardFailed(run: continued)
        try f.store.finish(continued, .published)
        #expect(try visible() == [2: 2])
        let third = try begin(3)
        if case .complete = try f.store.sceneStatus(Self.file(1, "/a.tif"), run: third) { Issue.record("a scene without its tiles is complete") }
        try take(1, at: "/a.tif", third)
        try f.store.finish(third, .published)
        #expect(try visible() == [1: 2, 2: 2])
    }

    @Test("A scene whose tiles went while it was cut is not finished") func tilesGone() throws {
        let run = try begin(1), scene = try take(1, at: "/a.tif", run, tiles: 0..<1, finished: false)
        let all = [10, 11, 12].map(StoreFixture.id)
        #expect(throws: TilesTakenAway.self) { try f.store.finishScene(scene, run: run, skipped: ["nodata": 1], tiles: all) }
        try f.store.finishScene(scene, run: run, skipped: ["nodata": 2], tiles: all)
    }

    @Test("Discarding an interrupted run leaves files alone that a published one has read since") func discardedAfterwards() throws {
        let abandoned = try abandonedRun()
        let second = try begin(3)
        try take(3, at: "/a.tif", second)
        try f.store.finish(second, .published)
        #expect(try visible() == [3: 2])
        _ = try f.store.discard(runID: abandoned.id)
        #expect(try visible() == [3: 2])
        let third = try begin(4)
        try take(4, at: "/a.tif", third)
        try f.store.finish(third, .published)
        #expect(try visible() == [4: 2])
    }

    @Test("A file that an interrupted run found changed, and the next one gone, shows nothing", arguments: [false, true]) func changedThenGone(_ isDiscarded: Bool) throws {
        let abandoned = try abandonedRun()
        let second = try begin(3)
        _ = try f.store.noteMissing(["/a.tif"], retire: true, run: second)
        try f.store.finish(second, .published)
        if isDiscarded { _ = try f.store.discard(runID: abandoned.id) }
        #expect(try visible().isEmpty)
    }

    @Test("A run that is continued finds the files gone that it found gone before") func goneTwice() throws {
        let first = try begin(1)
        try take(1, at: "/a.tif", first)
        try f.store.finish(first, .published)
        let second = try begin(2)
        func missing(_ run: Run) throws -> [Bool] { try f.store.knownFiles(run: run, tilings: [run.tilingID]).map(\.isMissing) }
        #expect(try f.store.noteMissing(["/a.tif"], retire: true, run: second) == 1)
        #expect(try missing(second) == [false])
        try f.store.finish(second, .published)
        #expect(try missing(begin(3)) == [true] && visible().isEmpty)
    }

    @Test("A run shows what it met, also where that was rolled back since") func metAndRolledBack() throws {
        let first = try begin(1)
        try take(1, at: "/a.tif", first)
        try f.store.finish(first, .published)
        let second = try begin(2)
        _ = try f.store.noteMissing(["/a.tif"], retire: true, run: second)
        try f.store.finish(second, .published)
        let third = try begin(3)
        try take(1, at: "/a.tif", third)
        try f.store.finish(third, .published)
        #expect(try visible() == [1: 2])
        _ = try f.store.rollBack(runID: first.id, through: true)
        #expect(try visible().isEmpty)
        try f.store.publish(runID: third.id)
        #expect(try visible() == [1: 2])
    }

    @Test("A ready run in which a file became a copy of a known one is published by hand") func becameACopy() throws {
        let first = try begin(1)
        try take(1, at: "/p.tif", first)
        let copied = try take(2, at: "/q.tif", first)
        try f.store.finish(first, .published)
        let ready = try begin(2), file = Self.file(3, "/p.tif")
        #expect(try f.store.enqueue([(file, nil)], tilingID: ready.tilingID, run: ready) == 1)
        let job = try f.store.claimJobs(runID: ready.id, worker: "w", most: 1, leaseSeconds: 60, alone: false)[0]
        try f.store.note(file, holds: copied, run: ready)
        try f.store.connection.query("SELECT tilescout.end_job($1, 'w', 'known')", [job.id])
        try f.store.finish(ready, .ready)
        try f.anotherStore().publish(runID: ready.id)
        #expect(try visible() == [2: 2])
    }
}
