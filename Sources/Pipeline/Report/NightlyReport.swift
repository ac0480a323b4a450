import Foundation

/// What one run of a pipeline did. Its counts reconcile: see `reconciles`.
public struct NightlyReport: Codable, Sendable, Equatable {
    public enum Outcome: String, Codable, Sendable {
        case published
        /// Complete, waits for `tilescout publish`.
        case ready
        /// More failed, or is gone, than the pipeline allows: nothing new is visible.
        case refused
        /// Cut short, by a server or a worker that went away: hidden, and continued by the next run.
        case interrupted
        /// It did not come so far as to begin: a source or the database is not there.
        case failed
        /// One share of several; the last of them publishes.
        case shardDone = "shard_done"
    }

    /// Files that were seen; each is in exactly one of the lower counts.
    public struct Scenes: Codable, Sendable, Equatable {
        public var seen = 0
        public var ingested = 0
        /// As they were by size and time: not opened.
        public var unchanged = 0
        /// Opened, and their bytes were known: moved, copied or touched.
        public var known = 0
        public var failed = 0
        /// Set aside because they ended their worker.
        public var setAside = 0
        /// Not gone through: the run was refused or cut short before. None where it was published.
        public var open = 0
        /// Of those seen: never seen before, and seen with other bytes than before.
        public var new = 0
        public var changed = 0
        /// Known files that are gone.
        public var removed = 0
        /// Scenes that no file holds any more, hidden with this run.
        public var retired = 0

        var goneThrough: Int { ingested + unchanged + known + failed + setAside }
    }

    public struct Tiles: Codable, Sendable, Equatable {
        /// All that the layouts of its scenes have, counted for itself.
        public var seen = 0
        public var stored = 0
        public var alreadyThere = 0
        /// Left out, by reason.
        public var skipped: [String: Int] = [:]

        var accounted: Int { stored + alreadyThere + skipped.values.reduce(0, +) }
    }

    public struct Failure: Codable, Sendable, Equatable {
        public var path, stage, reason: String
    }

    public struct Worker: Codable, Sendable, Equatable {
        public var name: String
        public var started, ended: Date
        public var scenes, tilesEncoded: Int
        /// Seconds busy, by stage, summed over its threads.
        public var busySeconds: [String: Double]
    }

    /// A part of the time line.
    public struct Step: Codable, Sendable, Equatable {
        public var name: String
        public var started: Date
        public var seconds: Double
    }

    public var pipeline, collection, model, version, host: String
    public var run: Int
    public var attempts: Int
    public var outcome = Outcome.published
    /// Why it was refused, cut short or not begun.
    public var reason: String?
    public var started: Date
    public var seconds = 0.0
    public var scenes = Scenes()
    public var tiles = Tiles()
    public var failures: [Failure] = []
    public var workers: [Worker] = []
    public var steps: [Step] = []
    public var notes: [String] = []

    /// Scenes seen = ingested + unchanged + known + failed + set aside + open; tiles seen = stored + already there + skipped.
    public var reconciles: Bool {
        scenes.seen == scenes.goneThrough + scenes.open
            && tiles.seen == tiles.accounted
    }

    public var tilesEncoded: Int { workers.reduce(0) { $0 + $1.tilesEncoded } }

    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        return try encoder.encode(self)
    }
}
