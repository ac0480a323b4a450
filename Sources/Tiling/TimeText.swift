import Foundation

/// Times as metadata and file names write them, in UTC where they do not say otherwise.
enum TimeText {
    /// No imagery from orbit or aeroplane is older, none is from the future's far end.
    private static let years = 1900...2100

    struct Parsed: Equatable {
        var instant: Date
        var precision: Acquisition.Precision
    }

    /// `2017:08:31 17:09:22` (TIFF), `2017-08-31T17:09:22.5Z`, `2017-08-31T17:09:22+02:00`, `20170831170922`, `2017-08-31`.
    static func parse(_ text: String) -> Parsed? {
        var scanner = DigitScanner(text.trimmingCharacters(in: .whitespaces.union(["\"", "'"])))
        guard let year = scanner.number(4), years.contains(year) else { return nil }
        scanner.skip(":-/.")
        guard let month = scanner.number(2) else { return nil }
        scanner.skip(":-/.")
        guard let day = scanner.number(2) else { return nil }
        guard let date = instant(year, month, day) else { return nil }
        scanner.skip("T t_")
        guard let hour = scanner.number(2) else {
            return scanner.isAtEnd ? Parsed(instant: date, precision: .day) : nil
        }
        scanner.skip(":")
        guard let minute = scanner.number(2), hour < 24, minute < 60 else { return nil }
        scanner.skip(":")
        let second = scanner.number(2) ?? 0
        guard second <= 60 else { return nil }
        let fraction = scanner.fraction()
        guard let offset = scanner.zoneOffset() else { return nil }
        let seconds = Double(hour * 3600 + minute * 60 + second) + fraction - Double(offset)
        return Parsed(instant: date.addingTimeInterval(seconds), precision: .second)
    }

    /// Midnight UTC; nil for a day that the calendar does not have.
    static func instant(_ year: Int, _ month: Int, _ day: Int) -> Date? {
        guard years.contains(year), (1...12).contains(month) else { return nil }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard (1...lengths[month - 1]).contains(day) else { return nil }
        // Days from civil, Howard Hinnant (https://howardhinnant.github.io/date_algorithms.html).
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Date(timeIntervalSince1970: Double(era * 146_097 + dayOfEra - 719_468) * 86400)
    }
}

/// Reads fixed numbers of digits off the front of a text.
struct DigitScanner {
    private let text: [UInt8]
    private var position = 0

    init(_ text: String) {
        self.text = Array(text.utf8)
    }

    var isAtEnd: Bool { position == text.count }

    /// Exactly `digits` digits; nothing is consumed without.
    mutating func number(_ digits: Int) -> Int? {
        guard position + digits <= text.count else { return nil }
        var value = 0
        for character in text[position..<position + digits] {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character) else { return nil }
            value = value * 10 + Int(character - UInt8(ascii: "0"))
        }
        position += digits
        return value
    }

    /// Passes over one of these characters, if it is next.
    mutating func skip(_ characters: String) {
        if position < text.count, characters.utf8.contains(text[position]) { position += 1 }
    }

    /// `.123` as 0.123; 0 without.
    mutating func fraction() -> Double {
        guard position < text.count, text[position] == UInt8(ascii: ".") else { return 0 }
        position += 1
        var (value, unit) = (0.0, 0.1)
        while let digit = number(1) {
            value += Double(digit) * unit
            unit /= 10
        }
        return value
    }

    /// Seconds east of UTC: `Z`, `UTC`, nothing (0), `+02:00`, `-0530`; nil for anything else.
    mutating func zoneOffset() -> Int? {
        let rest = String(decoding: text[position...], as: UTF8.self).trimmingCharacters(in: .whitespaces).uppercased()
        if ["", "Z", "UTC", "GMT"].contains(rest) { return 0 }
        guard let sign = rest.first, sign == "+" || sign == "-" else { return nil }
        var digits = DigitScanner(String(rest.dropFirst()))
        guard let hours = digits.number(2) else { return nil }
        digits.skip(":")
        let minutes = digits.number(2) ?? 0
        guard digits.isAtEnd, hours < 24, minutes < 60 else { return nil }
        return (hours * 3600 + minutes * 60) * (sign == "-" ? -1 : 1)
    }
}
