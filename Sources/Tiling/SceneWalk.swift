import Foundation

/// Collects candidates while directories are walked.
struct SceneWalk {
    private var found: [String: SceneDiscovery.Candidate] = [:]
    private var problems: Set<SceneDiscovery.Problem> = []
    private var ignored = 0
    /// Directories by their real path: links may lead back to where one came from.
    private var visited: Set<String> = []
    /// Whether pictures without a place are wanted as well.
    private let takesPictures: Bool

    init(takesPictures: Bool = false) { self.takesPictures = takesPictures }

    /// What rasters with georeferencing are called.
    private static let extensions: Set<String> = [
        "tif", "tiff", "gtiff", "gtif", "cog", "vrt", "img", "jp2", "j2k", "jpx", "ntf", "nitf", "nsf", "asc", "dem", "bil",
        "bip", "bsq", "hgt", "dt0", "dt1", "dt2", "ers", "ecw", "sid", "kea", "pix", "rst", "grd", "sdat", "nc", "hdf",
        "h5", "he5", "grb", "grb2", "grib", "grib2", "mrf", "mbtiles", "gpkg",
    ]
    /// Pictures are scenes only with a world file or GDAL's sidecar beside them: previews abound.
    private static let pictureExtensions: [String: [String]] = [
        "png": ["pgw", "pngw", "wld"], "jpg": ["jgw", "jpgw", "jpegw", "wld"], "jpeg": ["jgw", "jpgw", "jpegw", "wld"],
        "webp": ["wld"],
    ]
    /// Files that belong to another, though their extension may be a raster's.
    private static let sidecarSuffixes = [".ovr", ".msk", ".aux.xml", ".msk.ovr", ".ovr.tif"]

    var discovery: SceneDiscovery {
        SceneDiscovery(
            candidates: found.values.sorted { $0.path < $1.path }, problems: problems.sorted { $0.path < $1.path },
            ignoredFiles: ignored)
    }

    mutating func add(root: String) throws {
        if root.hasPrefix("@") { return try add(list: String(root.dropFirst())) }
        if root.hasPrefix("/vsi") { throw Self.refuse(root, "it is one of GDAL's virtual paths: unpack or fetch it, and name the file") }
        var isDirectory: ObjCBool = false
        if FileManager.default.fileExists(atPath: root, isDirectory: &isDirectory) {
            if isDirectory.boolValue { walk(root) } else { take(root) }
        } else if GlobPattern.isPattern(root) {
            let matches = GlobPattern(root).matches()
            guard !matches.isEmpty else { throw Self.refuse(root, "the pattern matches nothing") }
            for match in matches { try add(root: match) }
        } else {
            throw Self.refuse(root, "no such file or directory")
        }
    }

    private mutating func add(list: String) throws {
        guard let data = FileManager.default.contents(atPath: list) else {
            throw Self.refuse(list, "the list cannot be read")
        }
        let folder = (list as NSString).deletingLastPathComponent
        let lines = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty && !$0.hasPrefix("#") }
        guard !lines.isEmpty else { throw Self.refuse(list, "the list is empty") }
        for line in lines {
            let path = line.hasPrefix("/") || folder.isEmpty ? line : (folder as NSString).appendingPathComponent(line)
            // One name that has gone does not spoil the rest of a list.
            do { try add(root: path) } catch let error as TilingError { note(path, error.reason) }
        }
    }

    private mutating func walk(_ directory: String) {
        let real = (directory as NSString).resolvingSymlinksInPath
        guard visited.insert(real).inserted else { return }
        let listing: FolderListing
        do {
            listing = try FolderListing(directory)
        } catch {
            return note(directory, (error as? TilingError)?.reason ?? "\(error)")
        }
        let present = Set(listing.entries.lazy.map(\.name))
        let (base, realBase) = (directory.hasSuffix("/") ? directory : directory + "/", real == "/" ? "/" : real + "/")
        for entry in listing.entries {
            if entry.name.hasPrefix(".") {
                ignored += 1
            } else if entry.isDirectory {
                walk(base + entry.name)
            } else if isScene(entry.name, among: present) {
                take(base + entry.name, real: entry.isLink ? nil : realBase + entry.name, siblings: present)
            } else {
                ignored += 1
            }
        }
    }

    private mutating func take(_ path: String, real known: String? = nil, siblings: Set<String>? = nil) {
        let real = known ?? (path as NSString).resolvingSymlinksInPath
        guard found[real] == nil else { return }
        do {
            found[real] = SceneDiscovery.Candidate(path: path, stamp: try SceneStamp(path: path, siblings: siblings), realPath: real)
        } catch let error as TilingError {
            note(path, error.reason)
        } catch {
            note(path, "\(error)")
        }
    }

    private mutating func note(_ path: String, _ reason: String) {
        problems.insert(SceneDiscovery.Problem(path: path, reason: reason))
    }

    private func isScene(_ name: String, among present: Set<String>) -> Bool {
        let lower = name.lowercased()
        if Self.sidecarSuffixes.contains(where: { lower.hasSuffix($0) }) { return false }
        let type = (lower as NSString).pathExtension
        if Self.extensions.contains(type) { return true }
        guard let worldFiles = Self.pictureExtensions[type] else { return false }
        if takesPictures { return true }
        let stem = (name as NSString).deletingPathExtension
        return present.contains(name + ".aux.xml") || worldFiles.contains { present.contains("\(stem).\($0)") }
    }

    private static func refuse(_ root: String, _ reason: String) -> TilingError {
        TilingError(operation: "search", thing: root, reason: reason, code: .unreadable)
    }
}
