import Embedding
import Foundation
import TileGrid
import TileStore
import Tiling

/// What an ingest would do and cost, from the scenes' headers and a short probe of each stage. Writes nothing.
public struct IngestPlan: Sendable, Codable, Equatable {
    public var scenes = 0
    public var failures: [IngestReport.Failure] = []
    /// Tiles of all scenes, those that turn out too empty counted.
    public var tiles = 0
    /// Bytes of the files.
    public var bytesRead: Int64 = 0
    /// Bytes that the database grows by, indexes counted.
    public var databaseBytes: Int64 = 0
    /// Seconds that an ingest would take; nil without a tile to probe with.
    public var seconds: TimeInterval?
    /// Rates of the probe, each stage alone.
    public var cutTilesPerSecond: Double?
    public var encodedTilesPerSecond: Double?

    /// Tiles that the probe cuts and encodes.
    private static let probeTiles = 64

    /// - Throws: `IngestError` where there is no scene.
    public init(options: IngestOptions) throws {
        try options.tiling.validate()
        let discovery = try discoverScenes(options.roots)
        guard !discovery.scenes.isEmpty || !discovery.problems.isEmpty else {
            throw IngestError(.input, "plan \(options.roots.joined(separator: ", "))", reason: "no raster found there")
        }
        failures = discovery.problems.map { .init(path: $0.path, stage: "discover", reason: $0.reason) }
        var images: [TileImage] = []
        var probed = 0
        var cutting: TimeInterval = 0
        for path in discovery.scenes {
            do {
                bytesRead += Int64(try SceneStamp(path: path).size)
                let cutter = try SceneCutter(path: path, options: options.tiling, limits: options.limits)
                scenes += 1
                tiles += cutter.layout.count
                // A few tiles of each scene, spread over it.
                let share = min(cutter.layout.count, max(1, Self.probeTiles / discovery.scenes.count))
                let started = Date()
                for step in 0..<share where images.count < Self.probeTiles {
                    if case .tile(let tile) = try cutter.cut(cutter.layout.count * step / share) { images.append(tile.image) }
                    probed += 1
                }
                cutting += Date().timeIntervalSince(started)
            } catch {
                guard error is TilingError || error is TileGridError else { throw error }
                failures.append(.init(path: path, stage: "open", reason: "\(error)"))
            }
        }
        databaseBytes = Int64(tiles) * Int64(TileStore.estimatedBytesPerTile(dimension: options.model.dimension))
        guard !images.isEmpty else { return }
        let encoder = try Encoder(
            model: options.model, precision: options.precision, threads: options.concurrency.encoders)
        _ = try encoder.embed(Array(images.prefix(8)))
        let started = Date()
        _ = try encoder.embed(images)
        let encoding = Double(images.count) / Date().timeIntervalSince(started)
        let cut = Double(probed) / max(cutting, 1e-6)
        encodedTilesPerSecond = encoding
        cutTilesPerSecond = cut
        // Both stages share the cores.
        seconds = Double(tiles) / encoding + Double(tiles) / (cut * Double(options.concurrency.cutters))
    }
}
