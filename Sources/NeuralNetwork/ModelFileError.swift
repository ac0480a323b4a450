/// A weights file that cannot be read, written, or used as a network: which file, and why.
public struct ModelFileError: Error, Hashable, Sendable, CustomStringConvertible {
    public let operation: String
    public let path: String
    public let reason: String

    public init(operation: String, path: String, reason: String) {
        self.operation = operation
        self.path = path
        self.reason = reason
    }

    public var description: String { "cannot \(operation) \(path): \(reason)" }
}
