import Foundation
import PostgreSQL
import Testing
import TestCluster
import TileGrid
import TileStore

/// A worker that everybody took for dead goes on: what it brings after publishing is refused, what it was in the middle of is waited for.
@Suite struct LateMergeTests {
    private let everything = SearchRequest(embedding: StoreFixture.direction(0, 8), k: 100)

    @Test func whatArrivesWhileARunIsPublishedIsNotVisible() throws {
        let f = try StoreFixture()
        let scene = try f.addScene(1)
        _ = try f.store.merge([f.row(1, scene: scene)], run: f.run)
        let zombie = try Elsewhere(f.anotherStore()), watcher = try f.anotherStore()
        let (run, row) = (f.run, f.row(2, scene: scene))
        // Published, and not committed yet: the zombie sees a running run.
        try f.store.connection.execute(script: "BEGIN")
        try f.store.finish(run, .published)
        zombie.start { _ = try $0.merge([row], run: run) }
        #expect(try zombie.waitUntilBlocked(watcher), "a merge waits for the end of publishing")
        try f.store.connection.execute(script: "COMMIT")
        zombie.wait()
        #expect("\(zombie.error.map { "\($0)" } ?? "nothing")".contains("is not running"))
        #expect(try f.store.search(everything).hits.map(\.tileID) == [StoreFixture.id(1)])
    }

    @Test func publishingWaitsForAMergeUnderWay() throws {
        let f = try StoreFixture()
        let scene = try f.addScene(1)
        let other = try f.anotherStore(), watcher = try f.anotherStore()
        try other.connection.execute(script: "BEGIN")
        _ = try other.upsertScene(StoreFixture.scene(2), run: f.run)
        _ = try f.store.merge([f.row(1, scene: scene)], run: f.run)
        let publisher = try Elsewhere(f.store)
        let run = f.run
        publisher.start { try $0.finish(run, .published) }
        #expect(try publisher.waitUntilBlocked(watcher))
        try other.connection.execute(script: "COMMIT")
        publisher.wait()
        #expect(publisher.error == nil)
        #expect(try watcher.scenes().count == 2)
    }

    @Test func afterPublishingNoSceneAndNoFileIsNotedForTheRun() throws {
        let f = try StoreFixture()
        let scene = try f.addScene(1)
        try f.store.finish(f.run, .published)
        #expect(throws: PostgreSQLError.self) { try f.addScene(2) }
        // Other bytes in the file would retire its scene at once, in a state that is published.
        #expect(throws: PostgreSQLError.self) { try f.store.upsertScene(StoreFixture.scene(3, path: "/scenes/1.tif"), run: f.run) }
        #expect(throws: PostgreSQLError.self) { try f.store.note(StoreFixture.scene(1, path: "/b.tif").file, holds: scene, run: f.run) }
        #expect(try f.store.scenes().map(\.id) == [scene])
    }
}
