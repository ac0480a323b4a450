import Foundation

/// A span of acquisition times, its end not included; nil is open.
public struct AcquisitionRange: Hashable, Sendable {
    public let start: Date?
    public let end: Date?

    /// - Parameter text: `FROM/TO` in UTC, each a year, a month, a day or an instant (2020, 2020-05, 2020-05-01,
    ///   2020-05-01T10:30:00Z), or `..` or nothing for open. TO is included as a whole: 2020/2020 is the year 2020.
    ///   One date alone is that year, month or day. Source: ISO 8601-1 intervals, as OGC API – Features writes them.
    /// - Throws: `AcquisitionRangeError`.
    public init(_ text: String) throws {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2 else { throw AcquisitionRangeError(text, "there is more than one “/”") }
        start = try Self.period(parts[0], in: text)?.start
        end = try Self.period(parts[parts.count - 1], in: text)?.end
        if start == nil && end == nil { throw AcquisitionRangeError(text, "it is open on both sides") }
        if let start, let end, start >= end { throw AcquisitionRangeError(text, "it ends before it begins") }
    }

    private static func period(_ text: String, in whole: String) throws -> (start: Date, end: Date)? {
        if text.isEmpty || text == ".." { return nil }
        if text.contains("T") {
            // Foundation would roll 25 o'clock over to the next day.
            guard text.contains(/T([01]\d|2[0-3]):[0-5]\d:[0-5]\d/), let instant = try? Date(text, strategy: .iso8601) else {
                throw AcquisitionRangeError(whole, "“\(text)” is no instant such as 2020-05-01T10:30:00Z")
            }
            // The instant itself is included; PostgreSQL counts in microseconds.
            return (instant, instant.addingTimeInterval(1e-6))
        }
        let numbers = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        guard (1...3).contains(numbers.count), let year = numbers[0], (1...9999).contains(year) else {
            throw AcquisitionRangeError(whole, "“\(text)” is no date such as 2020, 2020-05 or 2020-05-01")
        }
        var components = DateComponents(year: year, month: 1, day: 1)
        if numbers.count > 1 { components.month = numbers[1] ?? 0 }
        if numbers.count > 2 { components.day = numbers[2] ?? 0 }
        let unit: Calendar.Component = numbers.count == 1 ? .year : numbers.count == 2 ? .month : .day
        // Foundation would roll the 31st of April over to May.
        guard components.isValidDate(in: calendar), let start = calendar.date(from: components),
            let end = calendar.date(byAdding: unit, value: 1, to: start)
        else { throw AcquisitionRangeError(whole, "“\(text)” is not in the calendar") }
        return (start, end)
    }
}

/// Why a span of times cannot be used.
public struct AcquisitionRangeError: Error, Hashable, Sendable, CustomStringConvertible {
    public let source: String
    public let reason: String

    init(_ source: String, _ reason: String) {
        self.source = source
        self.reason = reason
    }

    public var description: String { "cannot search in “\(source)”: \(reason)" }
}
