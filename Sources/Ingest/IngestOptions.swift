import Embedding
import Foundation
import Tiling

/// What an ingest takes, and how.
public struct IngestOptions: Sendable {
    /// Folders, files, globs, or `@list` files.
    public var roots: [String]
    public var collection: String
    public var tiling: TilingOptions
    public var limits: TilingLimits
    public var model: EncoderModel
    public var precision: EncoderPrecision
    /// Where each tile is also written as a GeoTIFF; nil for nowhere.
    public var tilesOut: String?
    public var concurrency: Concurrency

    /// How many of each stage run at once, and what lies between them.
    public struct Concurrency: Sendable {
        /// Threads that cut, each with a dataset handle of its own. Two keep two encoders busy: decoding a tile costs a
        /// fraction of encoding it.
        public var cutters: Int
        /// Encoders, each single-threaded. One per core beats one encoder over all cores: no barrier between layers waits
        /// for a core that a cutter or the server has taken, and a small batch stays in the core's own cache.
        public var encoders: Int
        /// Tiles encoded together.
        public var batch: Int
        /// Tiles merged in one transaction: enough that the commit's flush to disk is a small part of it.
        public var merge: Int

        public init(
            cutters: Int = min(2, ProcessInfo.processInfo.activeProcessorCount),
            encoders: Int = ProcessInfo.processInfo.activeProcessorCount, batch: Int = 16, merge: Int = 512
        ) {
            self.cutters = max(1, cutters)
            self.encoders = max(1, encoders)
            self.batch = max(1, batch)
            self.merge = max(1, merge)
        }
    }

    public init(
        roots: [String], collection: String, tiling: TilingOptions, limits: TilingLimits = .standard, model: EncoderModel,
        precision: EncoderPrecision = .automatic, tilesOut: String? = nil, concurrency: Concurrency = Concurrency()
    ) {
        self.roots = roots
        self.collection = collection
        self.tiling = tiling
        self.limits = limits
        self.model = model
        self.precision = precision
        self.tilesOut = tilesOut
        self.concurrency = concurrency
    }
}
