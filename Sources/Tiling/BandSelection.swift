/// Which bands make the image that the encoder sees.
public enum BandSelection: Hashable, Codable, Sendable {
    /// Red, green and blue where the scene says which those are, else its first three, else its first as grey;
    /// a palette is expanded.
    case automatic
    /// Red, green and blue by colour interpretation; a scene that does not name them is refused.
    case rgb
    /// One band (grey) or three (red, green, blue), numbered from 1.
    case indices([Int])

    /// `auto`, `rgb`, `4`, `3,2,1`.
    /// - Throws: `TilingError` that says what is accepted.
    public init(parsing text: String) throws {
        switch text.lowercased() {
        case "auto", "automatic": self = .automatic
        case "rgb": self = .rgb
        default:
            let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
            guard numbers.count == 1 || numbers.count == 3, numbers.allSatisfy({ ($0 ?? 0) > 0 }) else {
                throw TilingError.option(
                    "bands", text, "expected auto, rgb, one band number or three (3,2,1), counted from 1")
            }
            self = .indices(numbers.compactMap { $0 })
        }
    }

    /// The text that `init(parsing:)` reads.
    public var canonicalText: String {
        switch self {
        case .automatic: "auto"
        case .rgb: "rgb"
        case .indices(let numbers): numbers.map(String.init).joined(separator: ",")
        }
    }
}
