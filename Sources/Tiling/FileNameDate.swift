import Foundation

/// The date in a scene's name: the most precise one that the name holds, the leftmost of those.
enum FileNameDate {
    /// Four digits alone are a year only within these; a day is trusted within the satellites' and aeroplanes' age.
    private static let plainYears = 1970...2040
    private static let dayYears = 1930...2100

    static func acquisition(of path: String) -> Acquisition? {
        let name = (path as NSString).lastPathComponent
        guard let found = parse((name as NSString).deletingPathExtension) else { return nil }
        return Acquisition(instant: found.instant, source: .fileName, precision: found.precision, origin: name)
    }

    /// `20170831T170922`, `20170827`, `2024-08-24`, `2024_08_24`, `A2020123` (day of the year), `201404`, `_1985`.
    static func parse(_ name: String) -> TimeText.Parsed? {
        let runs = digitRuns(of: name)
        return runs.indices.lazy.compactMap { dayAndTime(runs, $0) }.first
            ?? runs.lazy.compactMap(dayOfYear).first
            ?? runs.lazy.compactMap(month).first
            ?? runs.lazy.compactMap(year).first
    }

    /// Digits without a gap, with what stands before and after them.
    private struct Run {
        var digits: String
        var before: Character?
        var after: Character?
    }

    private static func digitRuns(of name: String) -> [Run] {
        var runs: [Run] = []
        var current = ""
        var before: Character?
        var previous: Character?
        for character in name {
            if character.isASCII, character.isNumber {
                if current.isEmpty { before = previous }
                current.append(character)
            } else if !current.isEmpty {
                runs.append(Run(digits: current, before: before, after: character))
                current = ""
            }
            previous = character
        }
        if !current.isEmpty { runs.append(Run(digits: current, before: before, after: nil)) }
        return runs
    }

    private static func dayAndTime(_ runs: [Run], _ index: Int) -> TimeText.Parsed? {
        let run = runs[index]
        if run.digits.count == 14, let stamp = TimeText.parse(run.digits), isPlausible(run.digits) { return stamp }
        if run.digits.count == 8, isPlausible(run.digits), let day = TimeText.parse(run.digits) {
            guard index + 1 < runs.count, runs[index + 1].digits.count == 6, "Tt_-".contains(run.after ?? " "),
                let stamp = TimeText.parse(run.digits + "T" + runs[index + 1].digits)
            else { return day }
            return stamp
        }
        guard run.digits.count == 4, index + 2 < runs.count, isPlausible(run.digits) else { return nil }
        let (month, day) = (runs[index + 1], runs[index + 2])
        guard month.digits.count == 2, day.digits.count == 2, let separator = run.after, "-_.".contains(separator),
            month.before == separator, month.after == separator, day.before == separator
        else { return nil }
        return TimeText.parse("\(run.digits)-\(month.digits)-\(day.digits)")
    }

    /// MODIS and VIIRS: `A2020123`.
    private static func dayOfYear(_ run: Run) -> TimeText.Parsed? {
        guard run.digits.count == 7, run.before == "A" || run.before == "a", isPlausible(run.digits),
            let year = Int(run.digits.prefix(4)), let day = Int(run.digits.suffix(3)), (1...366).contains(day),
            let start = TimeText.instant(year, 1, 1), let next = TimeText.instant(year + 1, 1, 1)
        else { return nil }
        let instant = start.addingTimeInterval(Double(day - 1) * 86400)
        return instant < next ? TimeText.Parsed(instant: instant, precision: .day) : nil
    }

    private static func month(_ run: Run) -> TimeText.Parsed? {
        guard run.digits.count == 6, isDelimited(run), let year = Int(run.digits.prefix(4)), plainYears.contains(year),
            let month = Int(run.digits.suffix(2)), let instant = TimeText.instant(year, month, 1)
        else { return nil }
        return TimeText.Parsed(instant: instant, precision: .month)
    }

    private static func year(_ run: Run) -> TimeText.Parsed? {
        guard run.digits.count == 4, isDelimited(run), run.before != nil, let year = Int(run.digits),
            plainYears.contains(year), let instant = TimeText.instant(year, 1, 1)
        else { return nil }
        return TimeText.Parsed(instant: instant, precision: .year)
    }

    private static func isPlausible(_ digits: String) -> Bool {
        Int(digits.prefix(4)).map(dayYears.contains) ?? false
    }

    /// Between `_`, `-`, `.` and the ends of the name.
    private static func isDelimited(_ run: Run) -> Bool {
        [run.before, run.after].allSatisfy { $0.map { "_-. ".contains($0) } ?? true }
    }
}
