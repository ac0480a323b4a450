/// One thing that is wrong in a pipeline file: where, under which key, and why.
public struct PipelineProblem: Hashable, Sendable, CustomStringConvertible {
    /// From 1.
    public var line: Int
    /// From 1.
    public var column: Int
    /// Dotted, as in `tiles.sizes[1]`; empty for the file as a whole.
    public var key: String
    public var reason: String

    public var description: String {
        "line \(line), column \(column)" + (key.isEmpty ? "" : ", \(key)") + ": \(reason)"
    }
}

/// A pipeline file that cannot be used, with everything that is wrong in it.
public struct PipelineFileError: Error, Hashable, Sendable, CustomStringConvertible {
    public var path: String
    /// In the order of the file.
    public var problems: [PipelineProblem]

    public var description: String {
        problems.map { "\(path): \($0)" }.joined(separator: "\n")
    }
}
