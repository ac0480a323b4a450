/// What a search for scenes found.
public struct SceneDiscovery: Hashable, Sendable {
    /// A file that may be a scene; only opening it tells.
    public struct Candidate: Hashable, Sendable {
        public var path: String
        public var stamp: SceneStamp
        /// The same with every symbolic link followed.
        public var realPath: String
    }

    /// A place that could not be searched, or a file that could not be looked at.
    public struct Problem: Hashable, Sendable, CustomStringConvertible {
        public var path: String
        public var reason: String
        public var description: String { "\(path): \(reason)" }
    }

    /// By path, each file once, however many roots and links lead to it.
    public var candidates: [Candidate]
    public var problems: [Problem]
    /// Files passed over in directories: no raster by their names, sidecars, hidden.
    public var ignoredFiles: Int
    /// Of stacks, by their paths: the first of the files that each shows, whether it is there or not.
    public var firstParts: [String: String] = [:]
    /// Stacks that lie in their folder still though their files are gone. Whoever has settled that their scenes are gone removes them.
    public var formerStacks: Set<String> = []

    public init(candidates: [Candidate] = [], problems: [Problem] = [], ignoredFiles: Int = 0) {
        self.candidates = candidates
        self.problems = problems
        self.ignoredFiles = ignoredFiles
    }
}

/// Finds scenes.
///
/// - Parameter roots: files, directories (searched with all below them), glob patterns (`*`, `?`, `[…]`, `**` for any
///   depth), and `@list` for a text file of paths, one a line. Directories give files with a raster's extension; what is
///   named by itself, by a pattern or in a list is taken whatever its name.
/// - Parameter takingPictures: whether directories give PNG, JPEG and WebP files too that nothing georeferences.
/// - Throws: `TilingError` where a root does not exist, or a pattern or list names nothing.
public func discoverScenes(_ roots: [String], takingPictures: Bool = false) throws -> SceneDiscovery {
    var walk = SceneWalk(takesPictures: takingPictures)
    for root in roots { try walk.add(root: root) }
    return walk.discovery
}
