import Foundation

/// A point or an area that somebody has given a class.
public struct LabelledPlace: Hashable, Sendable {
    public let className: String
    /// A GeoJSON geometry in WGS84 degrees.
    public let geometry: String
    /// Where it stands: `line 7`, `feature 3`.
    public let position: String
    /// The first coordinates, for an error.
    public let lon, lat: Double

    /// What a person can find it by.
    public var description: String { "\(position) (\(className), at \(lon), \(lat))" }
}

/// Why labelled places cannot be used.
public struct LabelledPlaceError: Error, Hashable, Sendable, CustomStringConvertible {
    public let source: String
    public let reason: String

    init(_ source: String, _ reason: String) {
        self.source = source
        self.reason = reason
    }

    public var description: String { "cannot use the labels of \(source): \(reason)" }
}
