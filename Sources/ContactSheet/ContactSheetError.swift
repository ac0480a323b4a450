/// Why a sheet could not be drawn or written.
public struct ContactSheetError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// More tiles than one picture can hold, or no memory for it.
        case cannotDraw
        /// The folder is missing or closed, or the disk is full.
        case cannotWrite
    }

    public let operation: String
    public let thing: String
    public let reason: String
    public let code: Code

    public var description: String { "cannot \(operation) \(thing): \(reason)" }
}
