import Foundation
import TileGrid
import Tiling

/// Cuts scenes into tiles; one scene at a time, with a dataset handle of this thread's own.
struct CutStage {
    let job: IngestJob

    func run() throws {
        while let scene = try job.scenes.receive() {
            job.source.goesOn(scene.task)
            var written: [String] = []
            do {
                try cut(scene, written: &written)
            } catch let error as TilingError {
                try fail(scene, written, stage: error.code == .notWritten ? "write" : "cut", reason: error.description)
            } catch let error as TileGridError {
                try fail(scene, written, stage: "cut", reason: error.description)
            }
        }
    }

    private func fail(_ scene: ScannedScene, _ written: [String], stage: String, reason: String) throws {
        for path in written { unlink(path) }
        try job.encoded.send(.failed(scene.task, stage: stage, reason: reason))
    }

    /// - Parameter written: takes the paths of tile files, also where this throws.
    private func cut(_ scene: ScannedScene, written: inout [String]) throws {
        let cutter = try job.clock.measure("cut") {
            try SceneCutter(
                path: scene.task.path, options: scene.task.tiling, limits: job.options.limits, known: scene.info)
        }
        job.meter.opened(tiles: cutter.layout.count)
        try job.encoded.send(.opened(scene))
        var summary = SceneLedger.CutSummary(cut: 0, alreadyStored: 0, skipped: [:])
        summary.tiles = cutter.layout.indices.map(cutter.tileID)
        for index in cutter.layout.indices {
            if scene.alreadyStored.contains(cutter.tileID(index)) {
                summary.alreadyStored += 1
                job.meter.did(tiles: 1)
                continue
            }
            switch try job.clock.measure("cut", { try cutter.cut(index) }) {
            case .tile(let tile):
                if let folder = job.options.tilesOut {
                    written.append(try job.clock.measure("write") { try cutter.writeTile(tile.index, toDirectory: folder) })
                }
                summary.cut += 1
                try job.cutTiles.send(CutMessage(scene: scene.task.index, tile: tile))
            case .skipped(let reason):
                summary.skipped[reason.category, default: 0] += 1
                job.meter.did(tiles: 1)
            }
        }
        // What was read belongs to the identity that the scan gave it only if the files stayed as they were then.
        try scene.info.fingerprint.checkUnchanged(scene.task.path)
        try job.encoded.send(.finished(scene: scene.task.index, summary))
    }
}

extension SkipReason {
    /// What such tiles are counted under.
    var category: String {
        switch self {
        case .belowMinValid: "too few valid pixels"
        case .offEarth: "off the Earth"
        }
    }
}
