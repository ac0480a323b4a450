/// How samples become the 8 bits that the encoder sees.
public enum Stretch: Hashable, Codable, Sendable {
    /// `none` for 8-bit scenes and palettes, `percentile:2,98` for all others.
    case automatic
    /// Samples as they are, rounded and clamped to 0…255.
    case none
    /// The same range for every band: `low` becomes 0, `high` 255.
    case range(low: Double, high: Double)
    /// For each band the range between two percentiles of the scene's valid samples.
    case percentile(low: Double, high: Double)

    /// `auto`, `none`, `range:0,3000`, `percentile:2,98`.
    /// - Throws: `TilingError` that says what is accepted.
    public init(parsing text: String) throws {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let values = parts.count == 1
            ? [] : parts[1].split(separator: ",", omittingEmptySubsequences: false).map { Double($0) ?? .nan }
        let ordered = values.count == 2 && values.allSatisfy(\.isFinite) && values[0] < values[1]
        switch parts[0].lowercased() {
        case "auto" where parts.count == 1, "automatic" where parts.count == 1: self = .automatic
        case "none" where parts.count == 1: self = .none
        case "range" where ordered: self = .range(low: values[0], high: values[1])
        case "percentile" where ordered && values[0] >= 0 && values[1] <= 100:
            self = .percentile(low: values[0], high: values[1])
        default:
            throw TilingError.option(
                "stretch", text, "expected auto, none, range:LOW,HIGH or percentile:LOW,HIGH (0 to 100), LOW below HIGH")
        }
    }

    /// The text that `init(parsing:)` reads.
    public var canonicalText: String {
        switch self {
        case .automatic: "auto"
        case .none: "none"
        case .range(let low, let high): "range:\(low),\(high)"
        case .percentile(let low, let high): "percentile:\(low),\(high)"
        }
    }
}
