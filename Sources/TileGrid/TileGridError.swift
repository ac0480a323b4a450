/// What is wrong with a geometric request: which operation, on which thing, and why.
public struct TileGridError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// A size, overlap or option outside its documented range.
        case invalidArgument
        /// No part of the outline lies on the Earth, or it has no area.
        case noFootprint
    }

    public let operation: String
    public let thing: String
    public let reason: String
    public let code: Code

    public init(operation: String, thing: String, reason: String, code: Code) {
        self.operation = operation
        self.thing = thing
        self.reason = reason
        self.code = code
    }

    public var description: String { "cannot \(operation) \(thing): \(reason)" }
}
