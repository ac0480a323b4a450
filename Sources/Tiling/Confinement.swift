import Foundation
import GDAL

/// The folders that scenes may lie in, and refer to. A file may name others: the parts of a VRT, a link, a path with `..`;
/// an archive that strangers can write to could otherwise have any file of the machine read and shown.
///
/// GDAL opens many things besides paths (`GTIFF_DIR:1:/a.tif`, `vrt:///a.tif?bands=1`, XML in place of a name), and its list of a
/// dataset's files leaves those out. So every name that a scene holds must be a plain path inside, whatever it is called.
public struct Confinement: Hashable, Sendable {
    /// In place of a folder: whoever chose the scenes may have them wherever they lie, and whatever they are.
    public static let anywhere = "*"

    /// With every link followed.
    private let roots: [String]
    /// Nothing is confined.
    public let isFree: Bool
    /// A VRT may name a VRT; deeper than this is nothing that anybody means.
    static let deepestReference = 8
    /// GDAL looks for a virtual raster's first element in as many bytes.
    private static let headerBytes = 1024
    /// A scene's mask and its overviews lie beside it, are rasters themselves, and may be virtual ones.
    private static let sideRasters = ["msk", "ovr"]
    /// What else in GDAL's list of a scene's files is a raster.
    private static let rasterSuffixes = sideRasters + ["aux", "rrd", "vrt"]

    /// GDAL's formats that hold their pixels themselves, in the file or in one beside it of the same name, and VRT, which is
    /// looked through. Others (ERS, MRF, PDS4, HDF5 …) name their data's file in a way that is not.
    public static let formats = [
        "GTiff", "VRT", "JP2OpenJPEG", "JP2KAK", "PNG", "JPEG", "WEBP", "BMP", "GIF", "ENVI", "EHdr", "AAIGrid", "DTED", "SRTMHGT", "USGSDEM",
    ]

    /// - Parameter roots: folders or files, absolute, or `anywhere`. One that is not there confines to nothing.
    public init(roots: [String]) {
        isFree = roots.contains(Self.anywhere)
        self.roots = isFree ? [] : roots.compactMap(Self.real)
    }

    /// Leaves this process no format but those that a confined scene may have, and what writes: a file beside a scene, or behind
    /// a name in one, is opened by GDAL itself.
    public static func restrictProcess() {
        GDALRuntime.keepFormats(formats + ["MEM"])
    }

    /// Whether a path, with every link followed, lies in one of the folders.
    public func contains(_ path: String) -> Bool {
        Self.real(path).map(containsReal) ?? false
    }

    public func containsReal(_ real: String) -> Bool {
        isFree || roots.contains { root in real == root || real.hasPrefix(root == "/" ? root : root + "/") }
    }

    /// Checks a scene before GDAL opens it: some virtual rasters open what they name at once.
    /// - Throws: `TilingError` (`.outside`) for what is no path in the folders, or refers to something that is not.
    func check(_ path: String) throws {
        if isFree { return }
        try checkPlace(path)
        for file in [path] + Self.sideRasters.map({ "\(path).\($0)" }) {
            guard let xml = Self.virtualXML(file) else { continue }
            do {
                _ = try parts(of: xml, at: file)
            } catch let error as TilingError where file != path {
                throw refuse(path, "it refers to \(file): \(error.reason)")
            }
        }
    }

    /// Checks every file that an open scene refers to, and those that these refer to.
    func check(_ dataset: Dataset) throws {
        if isFree { return }
        var seen: Set<String> = []
        try check(dataset, depth: 0, seen: &seen)
    }

    private func check(_ dataset: Dataset, depth: Int, seen: inout Set<String>) throws {
        guard depth < Self.deepestReference else {
            throw refuse(dataset.name, "files refer to files more than \(Self.deepestReference) deep")
        }
        guard Self.formats.contains(dataset.driver) else {
            throw refuse(
                dataset.name, "its format is \(dataset.driver), and a confined run opens only \(Self.formats.joined(separator: ", ")): convert it to GeoTIFF")
        }
        var parts = try dataset.virtualXML.map { try self.parts(of: $0, at: dataset.name) } ?? []
        // GDAL's own keys for files that a dataset reads from besides its own, in a sidecar or in the file's own metadata.
        for (domain, keys) in [("OVERVIEWS", ["OVERVIEW_FILE"]), ("GEOLOCATION", ["X_DATASET", "Y_DATASET"])] {
            let metadata = dataset.metadata(domain: domain)
            for name in keys.compactMap({ metadata[$0] }) {
                let base = ":::BASE:::"
                let reference = name.hasPrefix(base)
                    ? VirtualRaster.Reference(name: String(name.dropFirst(base.count)), isRelative: true) : .init(name: name, isRelative: false)
                parts.formUnion(try places(of: reference, in: dataset.name))
            }
        }
        for file in dataset.files where file != dataset.name {
            try checkPart(file, of: dataset.name)
            if Self.rasterSuffixes.contains((file.lowercased() as NSString).pathExtension) { parts.insert(file) }
        }
        for part in parts.sorted() where seen.insert(part).inserted && FileManager.default.fileExists(atPath: part) {
            do {
                try check(part)
                try check(raster(.notARaster) { try Dataset(path: part, formats: Self.formats) }, depth: depth + 1, seen: &seen)
            } catch let error as TilingError {
                throw refuse(dataset.name, "it refers to \(part): \(error.reason)", error.code)
            }
        }
    }

    /// What is not there is not outside: whoever opens it says so.
    private func checkPlace(_ path: String) throws {
        if path.hasPrefix("/vsi") { throw refuse(path, "it is one of GDAL's virtual paths, which a confined run does not open") }
        guard path.hasPrefix("/"), !path.contains("<") else { throw refuse(path, "it is no plain path, and a confined run opens nothing else") }
        guard let real = Self.real(path) else { return }
        guard containsReal(real) else { throw refuse(path, "it leads to \(real), outside the configured folders") }
    }

    private func checkPart(_ path: String, of scene: String) throws {
        do {
            try checkPlace(path)
        } catch let error as TilingError {
            throw refuse(scene, "it refers to \(path): \(error.reason)")
        }
    }

    /// The files that a virtual raster names, each checked.
    private func parts(of xml: String, at path: String) throws -> Set<String> {
        let virtual = try raster(.notARaster) { try VirtualRaster(xml: xml, of: path) }
        if let unknown = virtual.unknown.first { throw refuse(path, "it is a virtual raster with \(unknown), which a confined run does not open") }
        return try virtual.references.reduce(into: []) { $0.formUnion(try places(of: $1, in: path)) }
    }

    /// Where a name in a file may lead. GDAL joins relative names to the file's folder, or to that of the file which a link
    /// leads to, and takes leading `..` off the letters of the folder: all of these must lie inside.
    private func places(of reference: VirtualRaster.Reference, in path: String) throws -> Set<String> {
        let name = reference.name
        var places: Set<String> = [name]
        if reference.isRelative, !name.hasPrefix("/") {
            // A colon makes a prefix that GDAL splits off and puts back before the path.
            guard !name.contains(":"), !name.contains("\"") else { throw refuse(path, "it refers to \(name), which is no plain path") }
            places = []
            for base in Set([path, Self.real(path) ?? path]).map({ ($0 as NSString).deletingLastPathComponent }) {
                places.insert("\(base)/\(name)")
                places.insert(Self.withoutClimbing("\(base)/\(name)"))
            }
        }
        for place in places { try checkPart(place, of: path) }
        return places
    }

    /// `.` and `..` resolved by the letters alone, links not followed.
    private static func withoutClimbing(_ path: String) -> String {
        var components: [Substring] = []
        for component in path.split(separator: "/") where component != "." {
            if component == ".." { _ = components.popLast() } else { components.append(component) }
        }
        return "/" + components.joined(separator: "/")
    }

    /// The text of a virtual raster's file; nil for any other.
    private static func virtualXML(_ path: String) -> String? {
        guard let file = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? file.close() }
        guard let header = try? file.read(upToCount: headerBytes), header.range(of: Data("<VRTDataset".utf8)) != nil,
            let rest = try? file.readToEnd() ?? Data()
        else { return nil }
        return String(decoding: header + rest, as: UTF8.self)
    }

    private func refuse(_ path: String, _ reason: String, _ code: TilingError.Code = .outside) -> TilingError {
        TilingError(operation: "open scene", thing: path, reason: reason, code: code)
    }

    /// realpath(3): every link followed, `.` and `..` gone; nil where there is no such file.
    private static func real(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

extension SceneDiscovery {
    /// The same, with what lies outside the folders named as a problem: a link inside an archive may lead out of it.
    public func confined(to confinement: Confinement) -> SceneDiscovery {
        var inside = SceneDiscovery(problems: problems, ignoredFiles: ignoredFiles)
        for candidate in candidates {
            if confinement.containsReal(candidate.realPath) {
                inside.candidates.append(candidate)
            } else {
                inside.problems.append(Problem(path: candidate.path, reason: "it leads to \(candidate.realPath), outside the configured folders"))
            }
        }
        return inside
    }
}
