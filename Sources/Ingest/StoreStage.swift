import Foundation
import TileGrid
import TileStore
import Tiling

/// Merges embedded tiles into the store, many at a time, and closes each scene when its last tile is in.
final class StoreStage {
    /// A merge waits this long for more tiles, so that a slow cutter does not cost a commit for each.
    private static let patience: TimeInterval = 1

    private let job: IngestJob
    private let store: TileStore
    private var ledger = SceneLedger()
    private var sceneIDs: [Int: Int] = [:]
    private var tasks: [Int: SceneTask] = [:]
    /// Coordinate system of each scene's tiles.
    private var systems: [Int: String] = [:]
    private var waiting: [EmbeddedTile] = []

    init(job: IngestJob, store: TileStore) {
        self.job = job
        self.store = store
    }

    func run() throws {
        var flushAt: Date?
        while true {
            let message = try job.encoded.receive(until: flushAt)
            if let message {
                try handle(message)
                // Without tiles nothing is to be flushed: a scene that failed took its own away, and no message then means the end.
                flushAt = waiting.isEmpty ? nil : flushAt ?? Date(timeIntervalSinceNow: Self.patience)
            }
            // No message: the time is up, or all encoders and cutters are through.
            if message == nil || waiting.count >= job.options.concurrency.merge {
                if message == nil && waiting.isEmpty { break }
                try flush()
                flushAt = nil
            }
        }
        precondition(ledger.open.isEmpty, "the encoders are through, but scenes \(ledger.open) are not")
    }

    private func handle(_ message: StoreMessage) throws {
        switch message {
        case .opened(let scene):
            let index = scene.task.index
            ledger.begin(scene: index)
            tasks[index] = scene.task
            systems[index] = scene.info.grid.crsCode ?? scene.info.grid.crsWKT
            sceneIDs[index] = try job.clock.measure("store") {
                try store.upsertScene(SceneRecord(scene.info), run: scene.task.run)
            }
        case .tiles(let tiles):
            waiting += tiles.filter { ledger.accepts(scene: $0.scene) }
        case .finished(let scene, let summary):
            try act(on: ledger.announced(scene: scene, summary: summary), scene: scene)
        case .failed(let task, let stage, let reason):
            ledger.fail(scene: task.index)
            waiting.removeAll { $0.scene == task.index }
            try takeBack(task, stage: stage, reason: reason)
        }
    }

    private func takeBack(_ task: SceneTask, stage: String, reason: String) throws {
        // In one transaction: who lost the scene to another worker takes nothing back.
        let takenBack: Int? = try store.connection.transaction(operation: "take back \(task.path)") {
            guard try job.source.ended(task, .failed(stage: stage, reason: reason), store) else { return nil }
            return try sceneIDs[task.index].map { try store.discard(sceneID: $0, run: task.run) } ?? 0
        }
        forget(task.index)
        guard let takenBack else { return }
        job.report.withLock { $0.tilesStored -= takenBack }
        job.fail(path: task.path, stage: stage, reason: reason)
    }

    private func flush() throws {
        let groups = Dictionary(grouping: waiting) { tasks[$0.scene]?.run }
        for (run, entries) in groups.sorted(by: { ($0.key?.tilingID ?? 0) < ($1.key?.tilingID ?? 0) }) {
            guard let run else { continue }
            let rows = entries.compactMap { entry in
                sceneIDs[entry.scene].map { TileRow(entry, sceneID: $0, crs: systems[entry.scene] ?? "") }
            }
            let merged = try job.clock.measure("store") { try store.merge(rows, run: run) }
            job.report.withLock {
                $0.tilesStored += merged.inserted
                $0.tilesAlreadyStored += merged.alreadyThere
            }
            job.meter.did(tiles: rows.count)
        }
        let counts = Dictionary(grouping: waiting, by: \.scene).mapValues(\.count)
        waiting.removeAll(keepingCapacity: true)
        for (scene, count) in counts.sorted(by: { $0.key < $1.key }) {
            try act(on: ledger.stored(scene: scene, tiles: count), scene: scene)
        }
    }

    private func act(on action: SceneLedger.Action, scene: Int) throws {
        guard case .complete(let summary) = action, let id = sceneIDs[scene], let task = tasks[scene] else { return }
        let isOurs: Bool
        do {
            isOurs = try job.clock.measure("store") {
                try store.connection.transaction(operation: "finish \(task.path)") {
                    try store.finishScene(id, run: task.run, skipped: summary.skipped, tiles: summary.tiles)
                    return try job.source.ended(task, .ingested, store)
                }
            }
        } catch let error as TilesTakenAway {
            return try takeBack(task, stage: "store", reason: error.reason)
        }
        forget(scene)
        guard isOurs else { return }
        job.report.withLock {
            $0.scenesIngested += 1
            $0.tilesAlreadyStored += summary.alreadyStored
            $0.tilesSkipped.merge(summary.skipped, uniquingKeysWith: +)
        }
        job.meter.sceneDone()
    }

    /// A flow may run for months: nothing is kept of what is over.
    private func forget(_ scene: Int) {
        sceneIDs[scene] = nil
        systems[scene] = nil
        tasks[scene] = nil
        job.underWay.withLock { $0[scene] = nil }
    }
}
