/// A training or an evaluation that cannot go on: what was tried, on what, and why not.
public struct TrainingError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        /// The data set, the split or the options do not fit.
        case input
        /// What was named does not exist.
        case missing
        /// A file cannot be written.
        case output
        /// The loss is no longer a number.
        case diverged
    }

    public let operation: String
    public let subject: String
    public let reason: String
    public let code: Code

    public init(operation: String, subject: String, reason: String, code: Code) {
        self.operation = operation
        self.subject = subject
        self.reason = reason
        self.code = code
    }

    public var description: String { "cannot \(operation) \(subject): \(reason)" }
}
