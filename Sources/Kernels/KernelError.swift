/// A numeric primitive that could not be made or run: what was tried, on what, and the library's reason.
public struct KernelError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The operation, as a verb phrase: "create a convolution".
    public let operation: String
    /// What it was tried on: shapes, types.
    public let subject: String
    /// Why it failed, in oneDNN's words where it was oneDNN.
    public let reason: String
    /// oneDNN's status, or 0 where the operation never reached it.
    public let code: Int

    public init(operation: String, subject: String, reason: String, code: Int = 0) {
        self.operation = operation
        self.subject = subject
        self.reason = reason
        self.code = code
    }

    public var description: String {
        "cannot \(operation) (\(subject)): \(reason)" + (code == 0 ? "" : " (oneDNN \(code))")
    }
}
