import Foundation
import PostgreSQL
import Testing
import TestCluster
import TileGrid
import TileStore

/// A run that nothing will continue can be deleted: what others have met of it stays, what it found replaced is there again.
@Suite struct DiscardRunTests {
    private let f: StoreFixture

    init() throws {
        f = try StoreFixture()
        try f.store.finish(f.run, .published)
    }

    private func begin(_ options: String) throws -> Run {
        try f.store.beginRun(StoreFixture.request(model: f.model.name, options: options))
    }

    @discardableResult
    private func take(_ number: Int, at path: String, _ run: Run, tiles: [Int]? = nil) throws -> Int {
        let scene = try f.store.upsertScene(StoreFixture.scene(number, path: path), run: run)
        _ = try f.store.existingTiles((tiles ?? [number]).map(StoreFixture.id), run: run)
        _ = try f.store.merge((tiles ?? [number]).map { f.row($0, scene: scene) }, run: run)
        try f.store.finishScene(scene, run: run)
        return scene
    }

    private func visible() throws -> Set<TileID> {
        Set(try f.store.search(SearchRequest(embedding: StoreFixture.direction(0, 8), k: 100)).hits.map(\.tileID))
    }

    @Test func itsRowsGoItsFilesHoldWhatTheyHeldAndTheIndexGrowsAgain() throws {
        let first = try begin(#"{"n": 1}"#)
        let before = try take(1, at: "/a.tif", first)
        try f.store.finish(first, .published)
        let abandoned = try begin(#"{"n": 2}"#)
        try take(2, at: "/a.tif", abandoned)
        try take(3, at: "/b.tif", abandoned)
        try f.store.enqueue([(StoreFixture.scene(2, path: "/a.tif").file, nil)], tilingID: abandoned.tilingID, run: abandoned)
        try f.store.finish(abandoned, .failed(reason: "too much is gone"))
        let later = try begin(#"{"n": 3}"#)
        try take(4, at: "/c.tif", later)
        try f.store.finish(later, .published)
        #expect(try f.store.buildIndexes(model: f.model.name, force: true).rowsIndexed == 1)

        let gone = try f.store.discard(runID: abandoned.id)
        #expect(gone.scenes == 2 && gone.tiles == 2 && gone.jobs == 1)
        #expect(try f.store.run(abandoned.id) == nil)
        #expect(try f.store.buildIndexes(model: f.model.name, force: true).rowsIndexed == 2)
        #expect(try visible() == Set([1, 4].map(StoreFixture.id)))
        #expect(try f.store.findScenes("/b.tif").isEmpty && f.store.findScenes("/a.tif") == [before])
        // The changed file is read again, and replaces its scene.
        let again = try begin(#"{"n": 4}"#)
        #expect(try f.store.sceneStatus(StoreFixture.scene(2, path: "/a.tif").file, run: again) == .unknown)
        try take(2, at: "/a.tif", again)
        try f.store.finish(again, .published)
        #expect(try visible() == Set([2, 4].map(StoreFixture.id)))
    }

    @Test(arguments: [true, false]) func whatAnotherRunHasMetOfItStays(isDiscarded: Bool) throws {
        let first = try begin(#"{"n": 1}"#)
        try take(1, at: "/a.tif", first)
        try f.store.finish(first, .published)
        let abandoned = try begin(#"{"n": 2}"#)
        try take(2, at: "/a.tif", abandoned, tiles: [2, 3])
        try f.store.finish(abandoned, .interrupted(reason: "a signal"))
        // Other settings, the same changed file: it holds the scene already that the abandoned run found in it.
        let other = try begin(#"{"n": 3}"#)
        try take(2, at: "/a.tif", other, tiles: [2])
        if isDiscarded { #expect(try f.store.discard(runID: abandoned.id).tiles == 1) }
        #expect(try visible() == [StoreFixture.id(1)])
        try f.store.finish(other, .published)
        #expect(try visible() == [StoreFixture.id(2)], "the scene that the file held before has gone with it")
        #expect(try f.store.scenes().count == 1)
        #expect(try f.store.rollBack(runID: other.id) == [other.id])
        #expect(try visible() == [StoreFixture.id(1)])
    }

    @Test func whatIsPublishedOrUnderWayIsNotDiscarded() throws {
        let run = try begin(#"{"n": 1}"#)
        func refusal(_ id: Int) -> String { #expect(throws: PostgreSQLError.self) { try f.anotherStore().discard(runID: id) }?.description ?? "" }
        #expect(refusal(run.id).contains("worked on"))
        #expect(refusal(f.run.id).contains("is published"))
        #expect(refusal(999).contains("no run"))
    }
}
