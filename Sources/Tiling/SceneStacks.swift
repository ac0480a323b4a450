import Foundation
import GDAL

/// Scenes whose bands lie in files of their own (Landsat, Sentinel-2 COGs): each set of files is shown as one VRT, kept in a
/// folder of ours, with the time of its newest part, so that an unchanged set is an unchanged scene.
public struct SceneStacks: Hashable, Sendable {
    /// File name patterns with one `*`, in the order of the bands: `*_SR_B4.TIF`.
    public let bands: [String]
    /// Where the VRTs lie; every other VRT in it is removed.
    public let folder: String

    public init(bands: [String], folder: String) {
        self.bands = bands
        self.folder = folder
    }

    private var affixes: [(prefix: String, suffix: String)] {
        bands.map { pattern in
            let parts = pattern.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            return (parts[0], parts.count > 1 ? parts[1] : "")
        }
    }

    /// The stacks of a discovery's files, in place of the files.
    /// - Throws: `TilingError` where the folder cannot be written.
    public func stacked(_ discovery: SceneDiscovery) throws -> SceneDiscovery {
        var result = SceneDiscovery(problems: discovery.problems, ignoredFiles: discovery.ignoredFiles)
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw TilingError(operation: "write to", thing: folder, reason: FileStatus.reason(of: error), code: .notWritten)
        }
        let present = Dictionary(discovery.candidates.map { ($0.path, $0.stamp) }, uniquingKeysWith: { first, _ in first })
        let affixes = affixes
        var kept: Set<String> = []
        for candidate in discovery.candidates {
            let name = (candidate.path as NSString).lastPathComponent
            let (prefix, suffix) = affixes[0]
            guard name.count > prefix.count + suffix.count, name.hasPrefix(prefix), name.hasSuffix(suffix) else { continue }
            let stem = String(name.dropFirst(prefix.count).dropLast(suffix.count))
            let base = (candidate.path as NSString).deletingLastPathComponent
            let parts = affixes.map { "\(base)/\($0.prefix)\(stem)\($0.suffix)" }
            let place = "\(folder)/\(Self.fileName(stem: stem, base: base))"
            kept.insert((place as NSString).lastPathComponent)
            do {
                if let missing = parts.first(where: { present[$0] == nil }) {
                    throw TilingError(operation: "stack", thing: candidate.path, reason: "\(missing) is missing", code: .unreadable)
                }
                let newest = parts.compactMap { present[$0]?.modifiedMicroseconds }.max() ?? 0
                try write(parts, to: place, modified: newest)
                result.candidates.append(.init(path: place, stamp: try SceneStamp(path: place), realPath: place))
            } catch let error as TilingError {
                result.problems.append(.init(path: candidate.path, reason: error.reason))
            }
        }
        result.candidates.sort { $0.path < $1.path }
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where name.hasSuffix(".vrt") && !kept.contains(name) {
            unlink("\(folder)/\(name)")
        }
        return result
    }

    /// The scene's own name, for the date in it, and its folder's digest, since two folders may hold the same names.
    private static func fileName(stem: String, base: String) -> String {
        let stem = stem.trimmingCharacters(in: CharacterSet(charactersIn: "_-. "))
        return "\(stem.isEmpty ? "scene" : stem)-\(SceneFingerprint.digest(text: base).prefix(12)).vrt"
    }

    private func write(_ parts: [String], to place: String, modified: Int) throws {
        if let status = try? FileStatus(path: place), status.modifiedMicroseconds == modified { return }
        let partial = "\(place).\(ProcessInfo.processInfo.processIdentifier).part"
        defer { unlink(partial) }
        try raster(.notARaster) { try Dataset.writeStack(of: parts, to: partial) }
        var times = [timeval(), timeval()]
        for index in times.indices {
            times[index].tv_sec = modified / 1_000_000
            times[index].tv_usec = modified % 1_000_000
        }
        guard utimes(partial, times) == 0, rename(partial, place) == 0 else {
            throw TilingError(operation: "write", thing: place, reason: FileStatus.reason(of: errno), code: .notWritten)
        }
    }
}
