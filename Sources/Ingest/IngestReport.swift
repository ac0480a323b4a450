import Foundation

/// What an ingest did. The counts reconcile: each scene found and each tile cut is in exactly one of them.
public struct IngestReport: Sendable, Codable, Equatable {
    /// One scene that could not be ingested, and why. None of its tiles stay.
    public struct Failure: Sendable, Codable, Equatable {
        public var path: String
        /// Where it failed: "discover", "read", "open", "cut", "write" or "store".
        public var stage: String
        public var reason: String

        public init(path: String, stage: String, reason: String) {
            self.path = path
            self.stage = stage
            self.reason = reason
        }
    }

    public var runID = 0
    /// An interrupted run of the same options was continued.
    public var resumed = false

    public var scenesFound = 0
    public var scenesIngested = 0
    /// Scenes that are in the store already, under these options.
    public var scenesUnchanged = 0
    /// Scenes whose bytes are those of another scene of this run.
    public var scenesDuplicate = 0
    public var failures: [Failure] = []

    public var tilesStored = 0
    /// Tiles that were in the store already: neither read nor encoded again.
    public var tilesAlreadyStored = 0
    /// Tiles left out, by reason: "below min-valid", "empty".
    public var tilesSkipped: [String: Int] = [:]
    /// Tiles that went through the encoder.
    public var tilesEncoded = 0

    /// Seconds from start to end.
    public var seconds: TimeInterval = 0
    /// Seconds that each stage was busy, summed over its threads.
    public var busySeconds: [String: TimeInterval] = [:]
    public var warnings: [String] = []

    public init() {}

    public var scenesFailed: Int { failures.count }
    public var tilesPerSecond: Double { seconds > 0 ? Double(tilesEncoded) / seconds : 0 }

    /// Whether every scene that was found is accounted for.
    public var reconciles: Bool {
        scenesFound == scenesIngested + scenesUnchanged + scenesDuplicate + scenesFailed
    }
}
