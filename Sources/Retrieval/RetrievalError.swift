/// What was asked for cannot be found: a tile, a place without tiles, a scene.
public struct RetrievalError: Error, Hashable, Sendable, CustomStringConvertible {
    public let operation: String
    public let thing: String
    public let reason: String

    public init(_ operation: String, _ thing: String, _ reason: String) {
        self.operation = operation
        self.thing = thing
        self.reason = reason
    }

    public var description: String { "cannot \(operation) \(thing): \(reason)" }
}
