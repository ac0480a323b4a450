/// Why a run was not begun, or not published.
public struct PipelineError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// Another run of the pipeline is under way.
        case locked
        /// More is gone, or failed, than the pipeline allows: yesterday's state stays.
        case refused
        /// Nothing of what was asked for exists.
        case input
        /// A worker cannot start, or ends by itself again and again.
        case worker
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
