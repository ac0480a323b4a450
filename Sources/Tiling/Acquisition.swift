import Foundation

/// When a scene was taken, and what says so.
public struct Acquisition: Hashable, Codable, Sendable {
    public enum Source: String, Hashable, Codable, Sendable {
        case tiffTag, metadata, stacItem, sidecar, fileName
    }

    /// How much of the instant is known; the rest is the beginning of the period.
    public enum Precision: String, Hashable, Codable, Sendable {
        case year, month, day, second
    }

    public var instant: Date
    public var source: Source
    public var precision: Precision
    /// The tag, key, file or name that it was read from.
    public var origin: String

    public init(instant: Date, source: Source, precision: Precision, origin: String) {
        self.instant = instant
        self.source = source
        self.precision = precision
        self.origin = origin
    }
}
