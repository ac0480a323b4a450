/// Input that metric learning cannot use: what was tried, on what, and why not.
public struct MetricLearningError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The operation, as a verb phrase: "draw balanced batches".
    public let operation: String
    /// What it was tried on: a class, a row, a shape.
    public let subject: String
    public let reason: String

    public init(operation: String, subject: String, reason: String) {
        self.operation = operation
        self.subject = subject
        self.reason = reason
    }

    public var description: String { "cannot \(operation) (\(subject)): \(reason)" }
}
