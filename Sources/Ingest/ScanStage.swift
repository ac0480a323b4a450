import Foundation
import TileGrid
import TileStore
import Tiling

/// Finds out which scenes there is anything to do for: looks at size and date first, reads the bytes only where needed.
struct ScanStage {
    let job: IngestJob
    let store: TileStore
    /// Ids asked of the store at once.
    private static let idsAtOnce = 10_000
    /// Scenes that a copy is told from an unchanged one by, for the count of each: at most 100 bytes a scene with the digest's
    /// text and a set's slack, so 13 MiB. Beyond, they are forgotten, and a copy of one counts as unchanged.
    private static let scenesRemembered = 1 << 17

    func run() throws {
        var seen: Set<SceneTiling> = []
        var hashed: Set<ContentTiling> = []
        while let task = try job.source.next(store) {
            guard try job.source.opens(task, store) else {
                job.meter.sceneDone()
                continue
            }
            if seen.count >= Self.scenesRemembered { seen.removeAll() }
            if hashed.count >= Self.scenesRemembered { hashed.removeAll() }
            do {
                try scan(task, seen: &seen, hashed: &hashed)
            } catch let error as TilingError {
                if try job.source.ended(task, .failed(stage: "open", reason: error.description), store) {
                    job.fail(path: task.path, stage: "open", reason: error.description)
                }
            }
        }
        job.scenes.finish()
    }

    private struct SceneTiling: Hashable {
        var scene, tiling: Int
    }

    private func scan(_ task: SceneTask, seen: inout Set<SceneTiling>, hashed: inout Set<ContentTiling>) throws {
        let (path, run) = (task.path, task.run)
        let file = task.stamp.file(at: path)
        if case .complete(let sceneID) = try store.sceneStatus(file, run: run) {
            let isFirst = seen.insert(SceneTiling(scene: sceneID, tiling: run.tilingID)).inserted
            return try end(task, isFirst ? .unchanged : .duplicate)
        }
        // Reads the bytes for the fingerprint, and samples for the stretch; the cutter opens the scene again, with these.
        let before = try SceneStamp(path: path)
        let cutter = try job.clock.measure("scan") {
            try SceneCutter(path: path, options: task.tiling, limits: job.options.limits)
        }
        guard cutter.info.fingerprint.stamp == before else {
            throw TilingError(operation: "open scene", thing: path, reason: "it changed while it was read", code: .unreadable)
        }
        let sha256 = cutter.info.fingerprint.sha256
        if let expected = task.expectedSHA256, expected != sha256 {
            throw TilingError(
                operation: "read", thing: path, reason: "it holds other bytes than when it was ingested", code: .unreadable)
        }
        let content = ContentTiling(sha256: sha256, tiling: run.tilingID)
        if job.underWay.withLock({ $0.values.contains(content) }) { return try end(task, .underWay) }
        var alreadyStored: Set<TileID> = []
        switch try store.sceneStatus(file, sha256: sha256, run: run) {
        case .complete(let sceneID):
            try store.note(file, holds: sceneID, run: run)
            let isFirst = seen.insert(SceneTiling(scene: sceneID, tiling: run.tilingID)).inserted && !hashed.contains(content)
            return try end(task, isFirst ? .unchanged : .duplicate)
        case .known:
            alreadyStored = try storedTiles(of: cutter, run: run)
        case .unknown:
            break
        }
        hashed.insert(content)
        job.underWay.withLock { $0[task.index] = content }
        job.source.waits(task)
        try job.scenes.send(ScannedScene(task: task, info: cutter.info, alreadyStored: alreadyStored))
    }

    private func end(_ task: SceneTask, _ outcome: SceneOutcome) throws {
        guard try job.source.ended(task, outcome, store) else { return }
        job.report.withLock {
            if outcome == .unchanged { $0.scenesUnchanged += 1 } else { $0.scenesDuplicate += 1 }
        }
        job.meter.sceneDone()
    }

    private func storedTiles(of cutter: SceneCutter, run: Run) throws -> Set<TileID> {
        var stored: Set<TileID> = []
        for start in stride(from: 0, to: cutter.layout.count, by: Self.idsAtOnce) {
            let indices = start..<min(start + Self.idsAtOnce, cutter.layout.count)
            stored.formUnion(try store.existingTiles(indices.map(cutter.tileID), run: run))
        }
        return stored
    }
}
