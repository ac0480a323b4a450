import Embedding
import Foundation
import Ingest
import TileGrid
import Tiling

/// The keys of a pipeline file, each with its standard value and range: pipelines/pipeline.schema.json says the same.
struct PipelineReader {
    private let root: KeyedNode
    private let checkModel: (String) throws -> Void

    init(_ root: KeyedNode, checkModel: @escaping (String) throws -> Void) {
        self.root = root
        self.checkModel = checkModel
    }

    func read() -> PipelineDefinition? {
        let name = root.required("name", Self.name)
        let collection = root.value("collection", or: name, Self.name)
        let sources = root.list("sources", ifEmpty: "at least one folder, file or pattern must be given", Self.absolutePath)
        let stacks = stacks(root.section("stack"), owner: name ?? "", sources: sources)
        let tilings = tilings(root.section("tiles"))
        let model = root.value("model", or: EncoderModel.defaultName) { name in
            try checkModel(name)
            return name
        }
        if !root.has("model") {
            do { try checkModel(model) } catch { root.note("model", "\(error)") }
        }
        let precision = root.choice("precision", or: EncoderPrecision.automatic)
        let removed = root.section("removed")
        let publish = root.section("publish")
        let retention = root.section("retention")
        var definition = PipelineDefinition(
            name: name ?? "", collection: collection ?? "", sources: sources, stacks: stacks, tilings: tilings, model: model,
            precision: precision, limits: limits(root.section("limits")), workers: workers(root.section("workers")),
            report: report(root.section("report")))
        definition.removed = removed.choice("policy", or: definition.removed)
        definition.maxRemoved = removed.share("max_share", or: definition.maxRemoved)
        definition.publish = publish.choice("policy", or: definition.publish)
        definition.maxFailed = publish.share("max_failed", or: definition.maxFailed)
        definition.fewFailed = publish.integer("few_failed", or: definition.fewFailed, in: 0...1_000_000_000)
        definition.keepRuns = retention.integer("runs", or: definition.keepRuns, in: 1...100_000)
        for section in [removed, publish, retention, root] { section.refuseOthers() }
        return name == nil ? nil : definition
    }

    private func stacks(_ keys: KeyedNode, owner: String, sources: [String]) -> SceneStacks? {
        defer { keys.refuseOthers() }
        let bands = keys.list("bands") { pattern in
            let parts = pattern.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.last!.count(where: { $0 == "*" }) == 1, parts.dropLast().allSatisfy({ !$0.isEmpty && !$0.contains("*") && $0 != "." && $0 != ".." }) else {
                throw Reason("“\(pattern)” is no pattern of file names with one *, such as *_B4.TIF, in folders or not: R20m/*_SCL_20m.jp2")
            }
            return pattern
        }
        let folder: String? = keys.value("folder", or: nil) { text in
            let folder = try Self.absolutePath(text)
            for root in PipelineDefinition.roots(of: sources) where folder == root || folder.hasPrefix(root == "/" ? root : root + "/") {
                throw Reason("“\(folder)” lies in the source \(root): its stacks would be taken for scenes")
            }
            return folder
        }
        if bands.isEmpty && folder == nil { return nil }
        guard bands.count > 1 else {
            keys.note("bands", "at least two patterns must be given")
            return nil
        }
        guard let folder else {
            if !keys.has("folder") { keys.note("folder", "it is missing") }
            return nil
        }
        return SceneStacks(bands: bands, folder: folder, owner: owner)
    }

    private func tilings(_ tiles: KeyedNode) -> [TilingOptions] {
        defer { tiles.refuseOthers() }
        let standard = TilingOptions()
        let sizes = tiles.list("sizes") { text in
            guard let size = Int(text), TileLayout.tileSizes.contains(size) else {
                throw Reason("“\(text)” is no tile size from \(TileLayout.tileSizes.lowerBound) to \(TileLayout.tileSizes.upperBound) pixels")
            }
            return size
        }
        let overlap = tiles.integer("overlap", or: standard.overlap, in: 0...(TileLayout.tileSizes.upperBound - 1))
        let edge = tiles.choice("edge", or: standard.edge)
        let grid = tiles.value("grid", or: standard.grid) { try worded { try TileGridKind(parsing: $0) }($0) }
        let bands = tiles.value("bands", or: standard.bands) { try worded { try BandSelection(parsing: $0) }($0) }
        let stretch = tiles.value("stretch", or: standard.stretch) { try worded { try Stretch(parsing: $0) }($0) }
        let minValid = tiles.share("min_valid", or: standard.minValid)
        let cloud = tiles.value("cloud", or: nil) { try worded { try CloudMask(parsing: $0) }($0) }
        let all = (sizes.isEmpty ? [standard.tileSize] : sizes)
        if Set(all).count < all.count { tiles.note("sizes", "a size is given twice") }
        return Set(all).sorted().compactMap { size in
            let options = TilingOptions(
                tileSize: size, overlap: overlap, edge: edge, grid: grid, bands: bands, stretch: stretch, minValid: minValid, cloud: cloud)
            do {
                try options.validate()
                return options
            } catch let error as TilingError {
                tiles.note("overlap", error.reason)
            } catch {
                tiles.note("sizes", "\(error)")
            }
            return nil
        }
    }

    private func limits(_ keys: KeyedNode) -> PipelineDefinition.Limits {
        defer { keys.refuseOthers() }
        var limits = PipelineDefinition.Limits()
        limits.pixels = keys.integer("pixels", or: limits.pixels, in: 1...Int(1e15))
        limits.seconds = keys.integer("seconds", or: limits.seconds, in: 1...604_800)
        limits.memoryMiB = keys.integer("memory_mib", or: limits.memoryMiB, in: 512...Int(1e7))
        limits.alsoRead = keys.list("also_read", Self.absolutePath)
        return limits
    }

    private func workers(_ keys: KeyedNode) -> PipelineDefinition.Workers {
        defer { keys.refuseOthers() }
        var workers = PipelineDefinition.Workers()
        if keys.has("encoders") { workers.encoders = keys.integer("encoders", or: 1, in: 1...1024) }
        workers.cutters = keys.integer("cutters", or: workers.cutters, in: 1...1024)
        workers.batch = keys.integer("batch", or: workers.batch, in: 1...4096)
        workers.jobs = keys.integer("jobs", or: workers.jobs, in: 1...10_000)
        workers.leaseSeconds = keys.integer("lease_seconds", or: workers.leaseSeconds, in: 3...86_400)
        return workers
    }

    private func report(_ keys: KeyedNode) -> PipelineDefinition.Report {
        defer { keys.refuseOthers() }
        var report = PipelineDefinition.Report()
        report.folder = keys.value("folder", or: nil) { try Self.absolutePath($0) }
        report.prometheus = keys.value("prometheus", or: nil) { try Self.absolutePath($0) }
        report.onFailure = keys.list("on_failure") { $0 }
        if report.onFailure.count == 1, report.onFailure[0].contains(where: \.isWhitespace) {
            keys.note("on_failure", "“\(report.onFailure[0])” is taken for the name of one program: give a list, as in [sh, /etc/tilescout/alarm.sh]")
        }
        return report
    }

    /// A parser's own error, without the words around its reason.
    private func worded<Value>(_ parse: @escaping (String) throws -> Value) -> (String) throws -> Value {
        { text in
            do { return try parse(text) } catch let error as TilingError { throw Reason("“\(text)”: \(error.reason)") }
        }
    }

    private static func name(_ text: String) throws -> String {
        let allowed = text.utf8.allSatisfy { (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || [45, 46, 95].contains($0) }
        guard allowed, let first = text.utf8.first, ![45, 46, 95].contains(first), text.utf8.count <= 63 else {
            throw Reason("“\(text)” is no name: letters, digits, dot, dash and underscore, 63 at most, beginning with a letter or digit")
        }
        return text
    }

    private static func absolutePath(_ text: String) throws -> String {
        guard text.hasPrefix("/") else { throw Reason("“\(text)” is not absolute: a job started by a timer has no folder of its own") }
        guard !text.hasPrefix("/vsi") else { throw Reason("“\(text)” is one of GDAL's virtual paths: give a folder") }
        guard !text.split(separator: "/").contains("..") else { throw Reason("“\(text)” climbs up with “..”") }
        return (text as NSString).standardizingPath
    }
}
