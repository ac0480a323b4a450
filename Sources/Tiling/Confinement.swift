import Foundation
import GDAL

/// The folders that scenes may lie in, and refer to. A file may name others: the parts of a VRT, a link, a path with `..`;
/// an archive that strangers can write to could otherwise have any file of the machine read and shown.
public struct Confinement: Hashable, Sendable {
    /// With every link followed.
    private let roots: [String]
    /// A VRT may name a VRT; deeper than this is nothing that anybody means.
    private static let deepestReference = 8

    /// - Parameter roots: folders or files, absolute. One that is not there confines to nothing.
    public init(roots: [String]) {
        self.roots = roots.compactMap(Self.real)
    }

    /// Whether a path, with every link followed, lies in one of the folders.
    public func contains(_ path: String) -> Bool {
        Self.real(path).map(containsReal) ?? false
    }

    public func containsReal(_ real: String) -> Bool {
        roots.contains { root in real == root || real.hasPrefix(root == "/" ? root : root + "/") }
    }

    /// - Throws: `TilingError` (`.outside`) for a path outside the folders, or one of GDAL's virtual paths.
    func check(_ path: String) throws {
        if path.hasPrefix("/vsi") { throw refuse(path, "it is one of GDAL's virtual paths, which a confined run does not open") }
        // What is not there is not outside: whoever opens it says so.
        guard let real = Self.real(path) else { return }
        guard containsReal(real) else { throw refuse(path, "it leads to \(real), outside the configured folders") }
    }

    /// Checks every file that an open scene refers to, and those that these refer to.
    func check(_ dataset: Dataset) throws {
        try check(dataset, depth: 0)
    }

    private func check(_ dataset: Dataset, depth: Int) throws {
        guard depth < Self.deepestReference else {
            throw refuse(dataset.name, "files refer to files more than \(Self.deepestReference) deep")
        }
        for file in dataset.files where file != dataset.name {
            do {
                try check(file)
            } catch let error as TilingError {
                throw refuse(dataset.name, "it refers to \(file): \(error.reason)")
            }
            // Only virtual datasets hide further files behind one.
            guard file.lowercased().hasSuffix(".vrt") || dataset.driver == "VRT" else { continue }
            guard let part = try? Dataset(path: file), part.driver == "VRT" else { continue }
            try check(part, depth: depth + 1)
        }
    }

    private func refuse(_ path: String, _ reason: String) -> TilingError {
        TilingError(operation: "open scene", thing: path, reason: reason, code: .outside)
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
