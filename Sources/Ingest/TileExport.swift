import Foundation
import Synchronization
import TileGrid
import Tiling

/// The cutting stage alone: scenes in, GeoTIFF tiles out, without encoder or store.
public struct TileExport: Sendable {
    private let roots: [String]
    private let options: TilingOptions
    private let limits: TilingLimits
    /// nil cuts without writing: for measuring.
    private let folder: String?
    private let threads: Int
    private let display: (any ProgressDisplay)?

    public init(
        roots: [String], options: TilingOptions, limits: TilingLimits = .standard, folder: String?,
        threads: Int = ProcessInfo.processInfo.activeProcessorCount, display: (any ProgressDisplay)? = nil
    ) {
        self.roots = roots
        self.options = options
        self.limits = limits
        self.folder = folder
        self.threads = max(1, threads)
        self.display = display
    }

    /// - Returns: counts, in which `tilesStored` are the tiles cut (and written); a scene that fails leaves no tile, and of scenes of
    ///   equal bytes one is cut.
    /// - Throws: `IngestError` where there is no scene or the folder cannot be made.
    public func run() throws -> IngestReport {
        let started = Date()
        try options.validate()
        let discovery = try discoverScenes(roots)
        guard !discovery.candidates.isEmpty || !discovery.problems.isEmpty else {
            throw IngestError(.input, "cut \(roots.joined(separator: ", "))", reason: "no raster found there")
        }
        if let folder {
            do {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            } catch {
                throw IngestError(.output, "write tiles to \(folder)", reason: error.localizedDescription)
            }
            SceneCutter.removeAbandonedTiles(inDirectory: folder)
        }
        let meter = ProgressMeter(activity: "cutting", display: display)
        defer { meter.finish() }
        meter.found(scenes: discovery.candidates.count + discovery.problems.count)
        var initial = IngestReport()
        initial.scenesFound = discovery.candidates.count + discovery.problems.count
        initial.failures = discovery.problems.map { .init(path: $0.path, stage: "discover", reason: $0.reason) }
        let report = Mutex(initial)
        let begun = Mutex<Set<String>>([])
        let next = Mutex(discovery.candidates.map(\.path)[...])
        let stages = StageThreads(onFailure: { next.withLock { $0.removeAll() } })
        for _ in 0..<min(threads, max(1, discovery.candidates.count)) {
            stages.start("cut") {
                while let path = next.withLock({ $0.popFirst() }) {
                    do {
                        try cut(path, begun: begun, meter: meter, report: report)
                    } catch {
                        guard error is TilingError || error is TileGridError else { throw error }
                        report.withLock { $0.failures.append(.init(path: path, stage: "cut", reason: "\(error)")) }
                        meter.sceneDone(failed: true)
                    }
                }
            }
        }
        try stages.join()
        var result = report.withLock { $0 }
        result.failures.sort { $0.path < $1.path }
        result.seconds = Date().timeIntervalSince(started)
        return result
    }

    /// - Parameter begun: SHA-256 of the scenes that are cut, or were.
    private func cut(
        _ path: String, begun: borrowing Mutex<Set<String>>, meter: ProgressMeter, report: borrowing Mutex<IngestReport>
    ) throws {
        let cutter = try SceneCutter(path: path, options: options, limits: limits)
        guard begun.withLock({ $0.insert(cutter.info.fingerprint.sha256).inserted }) else {
            report.withLock { $0.scenesDuplicate += 1 }
            return meter.sceneDone()
        }
        meter.opened(tiles: cutter.layout.count)
        var written: [String] = []
        var count = 0
        var skipped: [String: Int] = [:]
        do {
            for index in cutter.layout.indices {
                switch try cutter.cut(index) {
                case .tile(let tile):
                    count += 1
                    if let folder { written.append(try cutter.writeTile(tile.index, toDirectory: folder)) }
                case .skipped(let reason):
                    skipped[reason.category, default: 0] += 1
                }
                meter.did(tiles: 1)
            }
            try cutter.info.fingerprint.checkUnchanged(path)
        } catch {
            for path in written { unlink(path) }
            throw error
        }
        report.withLock {
            $0.scenesIngested += 1
            $0.tilesStored += count
            $0.tilesSkipped.merge(skipped, uniquingKeysWith: +)
        }
        meter.sceneDone()
    }
}
