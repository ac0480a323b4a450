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

    func run(_ paths: [String]) throws {
        var seen: Set<Int> = []
        var hashes: Set<String> = []
        for (index, path) in paths.enumerated() {
            do {
                try scan(path, index: index, seen: &seen, hashes: &hashes)
            } catch let error as TilingError {
                job.fail(path: path, stage: "open", reason: error.description)
            }
        }
        job.scenes.finish()
    }

    private func scan(_ path: String, index: Int, seen: inout Set<Int>, hashes: inout Set<String>) throws {
        let file = try SceneStamp(path: path).file(at: path)
        if case .complete(let sceneID) = try store.sceneStatus(file, run: job.run) {
            return seen.insert(sceneID).inserted ? unchanged() : duplicate()
        }
        // Reads the bytes for the fingerprint, and samples for the stretch; the cutter opens the scene again, with these.
        let cutter = try job.clock.measure("scan") {
            try SceneCutter(path: path, options: job.options.tiling, limits: job.options.limits)
        }
        let sha256 = cutter.info.fingerprint.sha256
        guard hashes.insert(sha256).inserted else { return duplicate() }
        var alreadyStored: Set<TileID> = []
        switch try store.sceneStatus(file, sha256: sha256, run: job.run) {
        case .complete(let sceneID):
            try store.note(file, holds: sceneID, run: job.run)
            return seen.insert(sceneID).inserted ? unchanged() : duplicate()
        case .known:
            alreadyStored = try storedTiles(of: cutter)
        case .unknown:
            break
        }
        try job.scenes.send(ScannedScene(index: index, path: path, info: cutter.info, alreadyStored: alreadyStored))
    }

    private func storedTiles(of cutter: SceneCutter) throws -> Set<TileID> {
        var stored: Set<TileID> = []
        for start in stride(from: 0, to: cutter.layout.count, by: Self.idsAtOnce) {
            let indices = start..<min(start + Self.idsAtOnce, cutter.layout.count)
            stored.formUnion(try store.existingTiles(indices.map(cutter.tileID), run: job.run))
        }
        return stored
    }

    private func duplicate() {
        job.report.withLock { $0.scenesDuplicate += 1 }
        job.meter.sceneDone()
    }

    private func unchanged() {
        job.report.withLock { $0.scenesUnchanged += 1 }
        job.meter.sceneDone()
    }
}
