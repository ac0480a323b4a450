import Foundation
import GDAL

/// Scenes whose bands lie in files of their own (Landsat, Sentinel-2): each set of files is shown as one VRT, kept in a
/// folder of ours, with the time of its newest part, so that an unchanged set is an unchanged scene.
public struct SceneStacks: Hashable, Sendable {
    /// File name patterns with one `*`, in the order of the bands, which may begin with folders: `*_SR_B4.TIF`,
    /// `R20m/*_SCL_20m.jp2`. A file's bands all count.
    public let bands: [String]
    /// Where the VRTs lie.
    public let folder: String
    /// The pipeline: stacks of another one in the same folder are left alone.
    public let owner: String

    /// The key in a stack's metadata that says whose it is.
    private static let markerKey = "TILESCOUT_STACK"

    public init(bands: [String], folder: String, owner: String) {
        self.bands = bands
        self.folder = folder
        self.owner = owner
    }

    /// The stacks of a discovery's files, in place of the files. Those whose files are gone stay in the folder, and are named: only they know
    /// where their files lay, which whoever judges the loss has to know, this night and, where that refuses it, the next.
    /// - Parameter sources: the folders that the files were looked for in.
    /// - Throws: `TilingError` where the folder cannot be written or lies in a source, and where there are files and none of
    ///   them is called as the patterns say.
    public func stacked(_ discovery: SceneDiscovery, sources: [String]) throws -> SceneDiscovery {
        var result = SceneDiscovery(problems: discovery.problems, ignoredFiles: discovery.ignoredFiles)
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw TilingError(operation: "write to", thing: folder, reason: FileStatus.reason(of: error), code: .notWritten)
        }
        guard !Confinement(roots: sources).contains(folder) else {
            throw TilingError(operation: "keep stacks in", thing: folder, reason: "it lies in a source: its stacks would be taken for scenes", code: .unsupported)
        }
        let patterns = bands.map(Pattern.init)
        let present = Dictionary(discovery.candidates.map { ($0.path, $0.stamp) }, uniquingKeysWith: { first, _ in first })
        let sets = Set(discovery.candidates.compactMap { Self.set(of: $0.path, patterns) })
        result.ignoredFiles += discovery.candidates.count
        if let first = discovery.candidates.first, sets.isEmpty {
            throw TilingError(
                operation: "stack", thing: first.path,
                reason: "neither it nor any other of the \(discovery.candidates.count) files found is called as a band is (stack.bands: "
                    + bands.joined(separator: ", ") + ")", code: .unsupported)
        }
        var kept: Set<String> = []
        for set in sets.sorted() {
            let parts = patterns.map { $0.path(of: set) }
            let missing = parts.filter { present[$0] == nil }
            // One file alone, not even the first, is another product's more likely than a scene's remainder.
            if let first = missing.first {
                guard present[parts[0]] != nil || parts.count - missing.count > 1 else { continue }
                kept.insert(set.fileName)
                result.firstParts["\(folder)/\(set.fileName)"] = parts[0]
                result.problems.append(.init(path: parts[0], reason: Self.absence(of: first)))
                continue
            }
            guard kept.insert(set.fileName).inserted else {
                result.problems.append(.init(path: parts[0], reason: "other files beside it make a scene of the same name, \(set.fileName)"))
                continue
            }
            result.ignoredFiles -= parts.count
            let place = "\(folder)/\(set.fileName)"
            result.firstParts[place] = parts[0]
            do {
                try write(parts, to: place, modified: parts.compactMap { present[$0]?.modifiedMicroseconds }.max() ?? 0)
                result.candidates.append(.init(path: place, stamp: try SceneStamp(path: place), realPath: place))
            } catch let error as TilingError {
                result.problems.append(.init(path: parts[0], reason: error.reason))
            }
        }
        result.candidates.sort { $0.path < $1.path }
        addOthers(than: kept, present: present, to: &result)
        return result
    }

    // MARK: Names

    /// The files of one scene: what the stars stand for, in one folder.
    private struct FileSet: Hashable, Comparable {
        var base, stem: String

        static func < (one: FileSet, other: FileSet) -> Bool { (one.base, one.stem) < (other.base, other.stem) }

        /// The scene's own name, for the date in it, or its folder's where that has the date; and the folder's digest, since two
        /// folders may hold the same names.
        var fileName: String {
            let stem = stem.trimmingCharacters(in: CharacterSet(charactersIn: "_-. "))
            let folder = (base as NSString).lastPathComponent
            let isDated = FileNameDate.parse(stem) != nil || FileNameDate.parse(folder) == nil
            let name = stem.isEmpty ? folder : isDated ? stem : "\(folder)_\(stem)"
            return name + SceneStacks.ending(base)
        }
    }

    private static func ending(_ base: String) -> String { "-\(SceneFingerprint.digest(text: base).prefix(12)).vrt" }

    private struct Pattern {
        /// With a slash behind each folder.
        let folders, prefix, suffix: String

        init(_ text: String) {
            let name = text.split(separator: "/").last ?? ""
            let parts = name.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            folders = String(text.dropLast(name.count))
            prefix = parts[0]
            suffix = parts.count > 1 ? parts[1] : ""
        }

        func path(of set: FileSet) -> String { "\(set.base)/\(folders)\(prefix)\(set.stem)\(suffix)" }

        func set(of path: String) -> FileSet? {
            let name = (path as NSString).lastPathComponent
            let folder = path.dropLast(name.count)
            guard name.count >= prefix.count + suffix.count, name.hasPrefix(prefix), name.hasSuffix(suffix), folder.hasSuffix("/" + folders) else { return nil }
            let base = folder.dropLast(folders.count + 1)
            return FileSet(base: String(base), stem: String(name.dropFirst(prefix.count).dropLast(suffix.count)))
        }

        /// Letters that it says: `*_mask.tif` says more of a file than `*.tif`.
        var letters: Int { folders.count + prefix.count + suffix.count }
    }

    private static func set(of path: String, _ patterns: [Pattern]) -> FileSet? {
        patterns.lazy.compactMap { pattern in pattern.set(of: path).map { (pattern.letters, $0) } }.max { $0.0 < $1.0 }?.1
    }

    // MARK: Files

    private var marker: String { "\(owner) \(bands.joined(separator: " "))" }

    private func write(_ parts: [String], to place: String, modified: Int) throws {
        let isOfThatTime = (try? FileStatus(path: place))?.modifiedMicroseconds == modified
        // The usual night, 100,000 times: name, patterns and time are those of the stack that is there. No XML is parsed for that.
        if isOfThatTime, let text = FileManager.default.contents(atPath: place), text.range(of: Data("\"\(Self.markerKey)\">\(marker)<".utf8)) != nil { return }
        if let there = Stack(place) {
            if let owner = there.owner, owner != self.owner {
                throw TilingError(
                    operation: "write", thing: place, reason: "\(place) is a stack of pipeline \(owner): give each pipeline a stack.folder of its own", code: .notWritten)
            }
            if there.marker ?? marker == marker, there.parts == parts, isOfThatTime { return }
        }
        let text = try raster(.notARaster) { try Dataset.stackXML(of: parts, formats: Confinement.formats, metadata: [Self.markerKey: marker]) }
        let partial = "\(place).\(ProcessInfo.processInfo.processIdentifier).part"
        defer { unlink(partial) }
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: partial))
        } catch {
            throw TilingError(operation: "write", thing: place, reason: FileStatus.reason(of: error), code: .notWritten)
        }
        var times = [timeval(), timeval()]
        for index in times.indices {
            times[index].tv_sec = modified / 1_000_000
            times[index].tv_usec = modified % 1_000_000
        }
        guard utimes(partial, times) == 0, rename(partial, place) == 0 else {
            throw TilingError(operation: "write", thing: place, reason: FileStatus.reason(of: errno), code: .notWritten)
        }
    }

    /// Our other stacks in the folder: whether their files are gone, some of them are, or they may only be hidden.
    private func addOthers(than kept: Set<String>, present: [String: SceneStamp], to result: inout SceneDiscovery) {
        let unreadable = result.problems.map(\.path)
        for name in ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() where name.hasSuffix(".vrt") && !kept.contains(name) {
            let place = "\(folder)/\(name)"
            guard let stack = Stack(place), let first = stack.parts.first, isOurs(stack, name: name, first: first) else { continue }
            result.firstParts[place] = first
            let absences = stack.parts.map { (path: $0, code: Self.error(of: $0)) }
            // A folder that cannot be read hides its files; it does not remove them.
            if stack.parts.contains(where: { part in unreadable.contains { part == $0 || part.hasPrefix($0 + "/") } }) { continue }
            if let hidden = absences.first(where: { $0.code != 0 && !Self.isGone($0.code) }) {
                result.problems.append(.init(path: first, reason: Self.absence(of: hidden.path)))
            } else if absences.allSatisfy({ Self.isGone($0.code) }) || stack.parts.allSatisfy({ present[$0] != nil }) {
                // Gone, or stacked under another name by other patterns.
                result.formerStacks.insert(place)
            } else if let gone = absences.first(where: { Self.isGone($0.code) }) {
                result.problems.append(.init(path: first, reason: Self.absence(of: gone.path)))
            }
        }
    }

    /// Before stacks said whose they are, the digest in their names did.
    private func isOurs(_ stack: Stack, name: String, first: String) -> Bool {
        stack.owner.map { $0 == owner } ?? name.hasSuffix(Self.ending((first as NSString).deletingLastPathComponent))
    }

    /// errno(3) of looking at a file; 0 where it is there.
    private static func error(of path: String) -> Int32 {
        var status = stat()
        return lstat(path, &status) == 0 ? 0 : errno
    }

    private static func isGone(_ code: Int32) -> Bool { code == ENOENT || code == ENOTDIR }

    private static func absence(of path: String) -> String {
        let code = error(of: path)
        if code == 0 { return "\(path) is there, but not among the sources" }
        return isGone(code) ? "\(path) is missing" : "\(path) cannot be looked at: \(FileStatus.reason(of: code))"
    }

    /// A stack as it lies in the folder.
    private struct Stack {
        var marker: String?
        /// Its files, in the order of the bands, each once.
        var parts: [String] = []

        var owner: String? { marker?.split(separator: " ").first.map(String.init) }

        init?(_ place: String) {
            guard let data = FileManager.default.contents(atPath: place),
                let virtual = try? VirtualRaster(xml: String(decoding: data, as: UTF8.self), of: place)
            else { return nil }
            marker = virtual.metadata[SceneStacks.markerKey]
            let folder = (place as NSString).deletingLastPathComponent
            for reference in virtual.references {
                let path = reference.isRelative ? ("\(folder)/\(reference.name)" as NSString).standardizingPath : reference.name
                if !parts.contains(path) { parts.append(path) }
            }
        }
    }
}
