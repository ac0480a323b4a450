/// Why an ingest, or one stage of it run alone, could not be done. One bad scene is a `Failure` in the report, not this.
public struct IngestError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// Nothing to work on: a missing folder, no scene in it.
        case input
        /// A file or folder that cannot be written.
        case output
        /// The store and the encoder do not agree.
        case model
    }

    public let code: Code
    public let operation: String
    public let reason: String

    public init(_ code: Code, _ operation: String, reason: String) {
        self.code = code
        self.operation = operation
        self.reason = reason
    }

    public var description: String { "cannot \(operation): \(reason)" }
}
