import Embedding
import Foundation
import Ingest
import TileGrid
import Tiling

/// A pipeline file: what is ingested every night, how, and what happens afterwards.
public struct PipelineDefinition: Sendable, Equatable {
    public enum RemovedPolicy: String, Sendable, CaseIterable {
        /// Scenes whose files are gone are hidden when the run is published.
        case retire
        /// They stay searchable.
        case keep
    }

    public enum PublishPolicy: String, Sendable, CaseIterable {
        /// At the run's end.
        case automatic
        /// By `tilescout publish RUN`.
        case manual
    }

    public struct Limits: Sendable, Equatable, Codable {
        /// Scenes that claim more are refused.
        public var pixels = TilingLimits.standard.maximumPixels
        /// Seconds that one scene may take; then its worker ends, and tries it once more alone.
        public var seconds = 3600
        /// Resident memory that a worker may take.
        public var memoryMiB = 8192
        /// Folders beside the sources that scenes may refer to (the parts of a VRT).
        public var alsoRead: [String] = []
    }

    public struct Workers: Sendable, Equatable, Codable {
        /// nil: as many as the worker's machine has cores. Machines differ, and a run is the same on each.
        public var encoders: Int?
        public var cutters: Int
        public var batch = 16
        /// Jobs that a worker leases at once.
        public var jobs = 8
        /// Seconds after which a silent worker's jobs are another's.
        public var leaseSeconds = 60

        public init(encoders: Int? = nil, cutters: Int = IngestOptions.Concurrency().cutters) {
            self.encoders = encoders
            self.cutters = cutters
        }
    }

    public struct Report: Sendable, Equatable {
        /// Where `<run>.json` and `<run>.html` are written; nil for nowhere.
        public var folder: String?
        /// The file for node_exporter's textfile collector.
        public var prometheus: String?
        /// Program and arguments, run when a run fails or scenes did; the report's path is in $TILESCOUT_REPORT.
        public var onFailure: [String] = []
    }

    public var name: String
    public var collection: String
    /// Folders, files, globs; absolute.
    public var sources: [String]
    /// Where bands lie in files of their own; nil: each file is a scene.
    public var stacks: SceneStacks?
    /// The share of known files that may be gone before the run is refused: more looks like a disk that is not mounted.
    public var maxRemoved = 0.2
    public var removed = RemovedPolicy.retire
    /// One for each tile size.
    public var tilings: [TilingOptions]
    public var model: String
    public var precision = EncoderPrecision.automatic
    public var limits = Limits()
    public var workers: Workers
    public var publish = PublishPolicy.automatic
    /// With a larger share of its scenes failed, a run is not published,
    public var maxFailed = 0.5
    /// unless so few failed: on a night of five scenes a share says little, and one bad file would keep the others hidden for good.
    public var fewFailed = 3
    /// Publications that can be rolled back and gone back to.
    public var keepRuns = 30
    public var report = Report()
}

extension PipelineDefinition {
    /// Everything that a worker on any machine needs, kept with the run.
    var order: RunOrder {
        RunOrder(
            pipeline: name, roots: roots, limits: limits, workers: workers, model: model, precision: precision.rawValue,
            tilings: tilings)
    }

    /// Folders that scenes must lie in, or may refer to.
    var roots: [String] {
        Self.roots(of: sources) + limits.alsoRead + (stacks.map { [$0.folder] } ?? [])
    }

    /// A source itself, or the part of a glob before its first wildcard.
    static func roots(of sources: [String]) -> [String] {
        sources.map { source in
            guard let wildcard = source.firstIndex(where: { "*?[".contains($0) }) else { return source }
            return String(source[..<(source[..<wildcard].lastIndex(of: "/") ?? source.startIndex)])
        }.map { $0.isEmpty ? "/" : $0 }
    }
}

/// What makes two runs of a pipeline the same, in the run's `options`: equal ones are continued.
struct RunOrder: Codable, Equatable, Sendable {
    var pipeline: String
    var roots: [String]
    var limits: PipelineDefinition.Limits
    var workers: PipelineDefinition.Workers
    var model: String
    var precision: String
    var tilings: [TilingOptions]
}
