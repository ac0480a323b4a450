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
    /// The exit status with which the worker gave up, where that is the reason.
    public let workerStatus: Int32?

    public init(_ code: Code, _ operation: String, reason: String, workerStatus: Int32? = nil) {
        self.code = code
        self.operation = operation
        self.reason = reason
        self.workerStatus = workerStatus
    }

    public var description: String { "cannot \(operation): \(reason)" }
}
