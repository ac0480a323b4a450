/// An encoder that cannot be made as asked.
public struct EncoderError: Error, Hashable, Sendable, CustomStringConvertible {
    public let operation: String
    public let subject: String
    public let reason: String

    public var description: String { "cannot \(operation) \(subject): \(reason)" }
}
