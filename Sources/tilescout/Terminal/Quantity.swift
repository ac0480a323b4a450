import Foundation

/// Numbers as people read them.
enum Quantity {
    /// 1234567 → "1,234,567".
    static func count(_ value: Int) -> String {
        var digits = String(value.magnitude)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        groups.insert(digits, at: 0)
        return (value < 0 ? "-" : "") + groups.joined(separator: ",")
    }

    /// "3 scenes", "1 scene".
    static func count(_ value: Int, _ noun: String) -> String {
        count(value) + " " + (value == 1 ? noun : noun + "s")
    }

    /// 5_400_000_000 → "5.4 GB" (powers of ten, as disks are sold).
    static func bytes(_ value: Int64) -> String {
        let units = ["bytes", "kB", "MB", "GB", "TB", "PB"]
        var amount = Double(value)
        var unit = 0
        while amount >= 999.5 && unit < units.count - 1 {
            amount /= 1000
            unit += 1
        }
        let digits = unit == 0 || amount >= 99.5 ? "%.0f" : "%.1f"
        return String(format: digits, amount) + " " + units[unit]
    }

    /// 3_723 → "1 h 2 min"; 42 → "42 s"; 0.4 → "0.4 s".
    static func duration(_ seconds: TimeInterval) -> String {
        guard seconds.isFinite else { return "unknown" }
        if seconds < 9.95 { return String(format: "%.1f s", seconds) }
        let total = Int(seconds.rounded())
        switch total {
        case ..<60: return "\(total) s"
        case ..<3600: return "\(total / 60) min \(total % 60) s"
        case ..<86_400: return "\(total / 3600) h \(total % 3600 / 60) min"
        default: return "\(total / 86_400) d \(total % 86_400 / 3600) h"
        }
    }
}
