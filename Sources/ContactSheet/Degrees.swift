import Foundation

/// Coordinates and distances as people read them: "12.345°N", "98.5°W", "0.071".
enum Degrees {
    /// A coordinate with a fixed number of decimals; what is no number is a dash.
    static func fixed(_ value: Double, decimals: Int, _ positive: String, _ negative: String) -> String {
        guard value.isFinite else { return "–" }
        let digits = number(value.magnitude, decimals: decimals)
        let isZero = digits.allSatisfy { $0 == "0" || $0 == "." }
        return digits + "°" + (value < 0 && !isZero ? negative : positive)
    }

    /// A label of a graticule: as few decimals as it needs, no letter where there is no side.
    static func axis(_ value: Double, _ positive: String, _ negative: String, isLongitude: Bool = false) -> String {
        var digits = number(value.magnitude, decimals: 3)
        while digits.last == "0" { digits.removeLast() }
        if digits.last == "." { digits.removeLast() }
        let hasNoSide = digits == "0" || digits.isEmpty || (isLongitude && digits == "180")
        return (digits.isEmpty ? "0" : digits) + "°" + (hasNoSide ? "" : value < 0 ? negative : positive)
    }

    static func number(_ value: Double, decimals: Int) -> String {
        guard value.isFinite else { return "–" }
        let text = String(format: "%.\(decimals)f", value)
        // No "-0.000" for a distance that rounding made a little less than nothing.
        let isZero = text.allSatisfy { "-0.".contains($0) }
        return isZero && text.hasPrefix("-") ? String(text.dropFirst()) : text
    }
}
