import Foundation
import Yams

/// A mapping of a YAML file, read key by key; what is wrong is noted with its place, and reading goes on.
final class KeyedNode {
    /// Shared by all mappings of one file.
    final class Problems {
        var all: [PipelineProblem] = []
    }

    private let mapping: Node.Mapping
    private let path: String
    private let mark: Mark?
    private let problems: Problems
    private var read: Set<String> = []

    init(_ mapping: Node.Mapping, path: String, problems: Problems) {
        self.mapping = mapping
        self.path = path
        mark = mapping.mark
        self.problems = problems
    }

    func note(_ key: String, _ reason: String, at node: Node? = nil) {
        let mark = node?.mark ?? mapping[Node(key)]?.mark ?? mark
        problems.all.append(PipelineProblem(
            line: mark?.line ?? 1, column: mark?.column ?? 1, key: path.isEmpty ? key : "\(path).\(key)", reason: reason))
    }

    func has(_ key: String) -> Bool { node(key) != nil }

    private func node(_ key: String) -> Node? {
        read.insert(key)
        guard let node = mapping[Node(key)] else { return nil }
        // `key:` with nothing behind it, or null or ~, is as good as no key.
        if case .scalar(let scalar) = node, scalar.style == .plain, node.null != nil { return nil }
        return node
    }

    /// What a key holds, made by `parse`, which throws a reason.
    func value<Value>(_ key: String, or standard: Value, _ parse: (String) throws -> Value) -> Value {
        guard let node = node(key) else { return standard }
        guard case .scalar(let scalar) = node else {
            note(key, "it must be a single value", at: node)
            return standard
        }
        do {
            return try parse(scalar.string)
        } catch {
            note(key, "\(error)", at: node)
            return standard
        }
    }

    func required<Value>(_ key: String, _ parse: (String) throws -> Value) -> Value? {
        guard node(key) != nil else {
            note(key, "it is missing")
            return nil
        }
        return value(key, or: nil) { try parse($0) }
    }

    func integer(_ key: String, or standard: Int, in range: ClosedRange<Int>) -> Int {
        value(key, or: standard) { text in
            guard let number = Int(text.filter { $0 != "_" }), range.contains(number) else {
                throw Reason("“\(text)” is no whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
    }

    func share(_ key: String, or standard: Double) -> Double {
        value(key, or: standard) { text in
            guard let number = Double(text), (0...1).contains(number) else { throw Reason("“\(text)” is no share from 0 to 1") }
            return number
        }
    }

    func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, or standard: Choice) -> Choice where Choice.RawValue == String {
        value(key, or: standard) { text in
            guard let choice = Choice(rawValue: text) else {
                throw Reason("“\(text)” is none of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return choice
        }
    }

    /// A list, or a single value that stands for a list of one.
    /// - Parameter ifEmpty: what is wrong without any entry; nil: nothing.
    func list<Value>(_ key: String, ifEmpty: String? = nil, _ parse: (String) throws -> Value) -> [Value] {
        guard let node = node(key) else {
            if let ifEmpty { note(key, ifEmpty) }
            return []
        }
        let entries: [Node]
        switch node {
        case .sequence(let sequence): entries = Array(sequence)
        case .scalar: entries = [node]
        default:
            note(key, "it must be a list", at: node)
            return []
        }
        if let ifEmpty, entries.isEmpty { note(key, ifEmpty, at: node) }
        return entries.enumerated().compactMap { index, entry in
            guard case .scalar(let scalar) = entry else {
                note("\(key)[\(index)]", "it must be a single value", at: entry)
                return nil
            }
            do {
                return try parse(scalar.string)
            } catch {
                note("\(key)[\(index)]", "\(error)", at: entry)
                return nil
            }
        }
    }

    /// A mapping below a key; an empty one where there is none.
    func section(_ key: String) -> KeyedNode {
        let below = path.isEmpty ? key : "\(path).\(key)"
        switch node(key) {
        case .mapping(let mapping)?: return KeyedNode(mapping, path: below, problems: problems)
        case let other?: note(key, "it must have keys of its own", at: other)
        case nil: break
        }
        return KeyedNode(Node.Mapping([]), path: below, problems: problems)
    }

    /// Notes the keys that nothing has asked for: a misspelt one would be ignored without a word.
    func refuseOthers() {
        for (key, _) in mapping {
            let name = key.string ?? "?"
            if !read.contains(name) { note(name, "there is no such key; there are \(read.sorted().joined(separator: ", "))", at: key) }
        }
    }
}

/// A reason in words, where that is all there is to say.
struct Reason: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
