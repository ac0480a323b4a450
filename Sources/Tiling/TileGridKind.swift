/// Which grid tiles are cut in.
public enum TileGridKind: Hashable, Codable, Sendable {
    /// The scene's own pixels, without resampling.
    case scene
    /// The UTM zone of the scene's centre, pixels of `resolution` metres; nil takes the scene's own, rounded to two
    /// digits so that dates of one place agree. Zones are the plain 6° strips.
    case utm(resolution: Double?)
    /// EPSG:3857, pixels of `resolution` metres at the equator; nil takes the zoom level nearest to the scene's own.
    case webMercator(resolution: Double?)

    /// `scene`, `utm`, `utm:10`, `webmercator`, `webmercator:9.55`.
    /// - Throws: `TilingError` that says what is accepted.
    public init(parsing text: String) throws {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let resolution: Double? = try parts.count == 1 ? nil : Self.resolution(parts[1], in: text)
        switch parts[0].lowercased() {
        case "scene" where resolution == nil: self = .scene
        case "utm": self = .utm(resolution: resolution)
        case "webmercator": self = .webMercator(resolution: resolution)
        default:
            throw TilingError.option(
                "grid", text, "expected scene, utm or webmercator, the latter two also with metres per pixel (utm:10)")
        }
    }

    private static func resolution(_ text: String, in whole: String) throws -> Double {
        guard let metres = Double(text), metres.isFinite, metres >= 0.001, metres <= 1_000_000 else {
            throw TilingError.option("grid", whole, "“\(text)” is no resolution between 0.001 and 1000000 m")
        }
        return metres
    }

    /// The text that `init(parsing:)` reads.
    public var canonicalText: String {
        switch self {
        case .scene: "scene"
        case .utm(let resolution): "utm" + (resolution.map { ":\($0)" } ?? "")
        case .webMercator(let resolution): "webmercator" + (resolution.map { ":\($0)" } ?? "")
        }
    }
}

extension TilingError {
    static func option(_ name: String, _ text: String, _ reason: String) -> TilingError {
        TilingError(operation: "use \(name)", thing: "“\(text)”", reason: reason, code: .invalidOption)
    }
}
