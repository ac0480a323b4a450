import Foundation

/// A shell pattern over paths: `*` and `?` within a name, `[abc]`, `[a-z]`, `[!x]`, and `**` for any number of directories.
struct GlobPattern {
    private let components: [String]
    private let isAbsolute: Bool

    /// Directories below a `**` are followed this deep.
    private static let deepest = 64

    init(_ pattern: String) {
        isAbsolute = pattern.hasPrefix("/")
        components = pattern.split(separator: "/").map(String.init)
    }

    static func isPattern(_ path: String) -> Bool { path.contains { "*?[".contains($0) } }

    /// Existing paths that match, sorted.
    func matches() -> [String] {
        var result: Set<String> = []
        expand(isAbsolute ? "/" : "", components[...], depth: 0, into: &result)
        return result.sorted()
    }

    private func expand(_ base: String, _ rest: ArraySlice<String>, depth: Int, into result: inout Set<String>) {
        guard let component = rest.first, depth <= Self.deepest else {
            if rest.isEmpty, !base.isEmpty { result.insert(base) }
            return
        }
        func path(_ name: String) -> String {
            base.isEmpty ? name : base.hasSuffix("/") ? base + name : base + "/" + name
        }
        if component == "**" {
            expand(base, rest.dropFirst(), depth: depth + 1, into: &result)
            for name in names(in: base) where !name.hasPrefix(".") && isDirectory(path(name)) {
                expand(path(name), rest, depth: depth + 1, into: &result)
            }
            return
        }
        guard Self.isPattern(component) else {
            guard FileManager.default.fileExists(atPath: path(component)) else { return }
            return expand(path(component), rest.dropFirst(), depth: depth, into: &result)
        }
        for name in names(in: base) where Self.match(Array(component), Array(name)) {
            if name.hasPrefix("."), !component.hasPrefix(".") { continue }
            expand(path(name), rest.dropFirst(), depth: depth, into: &result)
        }
    }

    private func names(in directory: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: directory.isEmpty ? "." : directory)) ?? []
    }

    private func isDirectory(_ path: String) -> Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        // A link is not followed below `**`: it may lead back up.
        return attributes?[.type] as? FileAttributeType == .typeDirectory
    }

    static func match(_ pattern: [Character], _ name: [Character]) -> Bool {
        var (p, n) = (0, 0)
        var (star, resume): (Int?, Int) = (nil, 0)
        while n < name.count {
            if p < pattern.count, pattern[p] == "*" {
                (star, resume) = (p, n)
                p += 1
            } else if p < pattern.count, let next = matchOne(pattern, p, name[n]) {
                p = next
                n += 1
            } else if let star {
                resume += 1
                (p, n) = (star + 1, resume)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == "*" }
    }

    /// The position after the pattern's element, if that matches the character.
    private static func matchOne(_ pattern: [Character], _ start: Int, _ character: Character) -> Int? {
        guard pattern[start] == "[", let close = pattern[(start + 1)...].dropFirst().firstIndex(of: "]") else {
            return pattern[start] == "?" || pattern[start] == character ? start + 1 : nil
        }
        var set = pattern[(start + 1)..<close]
        let isNegated = set.first == "!" || set.first == "^"
        if isNegated { set = set.dropFirst() }
        var isMember = false
        var index = set.startIndex
        while index < set.endIndex {
            if index + 2 < set.endIndex, set[index + 1] == "-" {
                isMember = isMember || (set[index]...max(set[index], set[index + 2])).contains(character)
                index += 3
            } else {
                isMember = isMember || set[index] == character
                index += 1
            }
        }
        return isMember != isNegated ? close + 1 : nil
    }
}
