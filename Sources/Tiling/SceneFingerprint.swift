import Crypto
import Foundation
import GDAL

/// What tells an unchanged file without reading it.
public struct SceneStamp: Hashable, Codable, Sendable {
    /// Bytes of the scene and the sidecars that this looks at.
    public var size: Int
    /// Latest change of any of them, in microseconds since 1970 (what a PostgreSQL timestamp keeps).
    public var modifiedMicroseconds: Int

    public var modified: Date { Date(timeIntervalSince1970: Double(modifiedMicroseconds) / 1e6) }

    /// Sidecars that change what is cut, or where it lies.
    private static let appended = [".aux.xml", ".msk", ".wld"]
    private static let replacing = ["tfw", "tifw", "wld", "jgw", "jpgw", "pgw", "pngw", "j2w", "prj", "rpb", "imd", "tab"]

    public init(size: Int, modifiedMicroseconds: Int) {
        self.size = size
        self.modifiedMicroseconds = modifiedMicroseconds
    }

    /// - Parameter siblings: every name in the file's directory, where that was listed: spares asking for each sidecar.
    /// - Throws: `TilingError` where the file is gone, no regular file, or may not be looked at.
    public init(path: String, siblings: Set<String>? = nil) throws {
        let main = try FileStatus(path: path)
        var stamp = SceneStamp(size: main.size, modifiedMicroseconds: main.modifiedMicroseconds)
        let name = (path as NSString).lastPathComponent
        let folder = String(path.dropLast(name.count))
        let stem = (name as NSString).deletingPathExtension
        for sidecar in Self.appended.map({ name + $0 }) + Self.replacing.map({ "\(stem).\($0)" }) where sidecar != name {
            if let siblings, !siblings.contains(sidecar) { continue }
            guard let status = try? FileStatus(path: folder + sidecar) else { continue }
            stamp.size += status.size
            stamp.modifiedMicroseconds = max(stamp.modifiedMicroseconds, status.modifiedMicroseconds)
        }
        self = stamp
    }
}

/// A file at one moment, as exactly as the file system tells.
public struct FileState: Hashable, Codable, Sendable {
    public var path: String
    public var size: Int
    public var modifiedNanoseconds: Int

    init(path: String) throws {
        let status = try FileStatus(path: path)
        (self.path, size, modifiedNanoseconds) = (path, status.size, status.modifiedNanoseconds)
    }
}

/// The identity of a scene's content.
public struct SceneFingerprint: Hashable, Codable, Sendable {
    /// 64 lower-case hexadecimal digits: of the file's bytes (as `sha256sum` prints it); where other files have a say in
    /// what or where the pixels are (world file, .aux.xml, .msk, the sources of a VRT), of the digests of all of them.
    public var sha256: String
    public var stamp: SceneStamp
    /// The files that have a say, as they were before their bytes were read; empty where those were not read now.
    public var files: [FileState] = []

    public var size: Int { stamp.size }
    public var modified: Date { stamp.modified }

    /// Read at a time.
    private static let chunkBytes = 1 << 20
    /// Overviews repeat what the scene holds and are never read.
    private static let ignoredSuffixes = [".ovr", ".rrd"]

    /// One that is known already.
    public init(sha256: String, stamp: SceneStamp) {
        self.sha256 = sha256
        self.stamp = stamp
    }

    /// Reads every byte of the scene once.
    /// - Throws: `TilingError` where the file cannot be read or is no raster.
    public init(path: String, allowsNetwork: Bool = false) throws {
        let stamp = try SceneStamp(path: path)
        let files = try raster(.notARaster) {
            try Dataset(path: path, access: allowsNetwork ? .networkAllowed : .localOnly).files
        }
        try self.init(path: path, files: files, stamp: stamp)
    }

    init(path: String, files: [String], stamp: SceneStamp) throws {
        let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
        self.files = [try FileState(path: path)]
        let main = try Self.digest(of: path)
        var others: [String] = []
        for file in files where !Self.isSame(file, path) {
            let name = (file as NSString).lastPathComponent
            if Self.ignoredSuffixes.contains(where: { name.lowercased().hasSuffix($0) }) { continue }
            guard let state = try? FileState(path: file) else { continue }
            self.files.append(state)
            // A renamed scene with renamed sidecars is the same scene.
            let label = name.hasPrefix(stem) ? "*" + name.dropFirst(stem.count) : name
            others.append("\(label) \(try Self.digest(of: file))")
        }
        self.stamp = stamp
        sha256 = others.isEmpty
            ? main : Self.hex(SHA256.hash(data: Data(([main] + others.sorted()).joined(separator: "\n").utf8)))
    }

    /// What was cut from files that changed meanwhile has the identity of other bytes.
    /// - Throws: `TilingError` where a file has another size or time than before its bytes were read, or is gone.
    public func checkUnchanged(_ path: String) throws {
        for file in files where (try? FileState(path: file.path)) != file {
            throw TilingError(operation: "cut", thing: path, reason: "\(file.path) changed while it was read", code: .unreadable)
        }
    }

    private static func isSame(_ file: String, _ path: String) -> Bool {
        file == path || (file as NSString).standardizingPath == (path as NSString).standardizingPath
    }

    private static func digest(of path: String) throws -> String {
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }
            var hash = SHA256()
            while let chunk = try file.read(upToCount: chunkBytes), !chunk.isEmpty { hash.update(data: chunk) }
            return hex(hash.finalize())
        } catch {
            throw TilingError(
                operation: "read", thing: path, reason: FileStatus.reason(of: error), code: .unreadable)
        }
    }

    /// SHA-256 of a text, hexadecimal.
    public static func digest(text: String) -> String { hex(SHA256.hash(data: Data(text.utf8))) }

    static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
