import Foundation
import MetricLearning

/// Which images train and which test: a CSV file with the columns path, class, split.
public struct DatasetSplit: Hashable, Sendable {
    public enum Part: String, Hashable, Sendable {
        case train, test
        /// Shows ground that training sees: neither.
        case unused
    }

    /// By path relative to the data set's folder.
    public let parts: [String: Part]

    /// A share of every class's images, drawn by seed.
    public static func byImage(_ dataset: ImageDataset, train share: Double = 0.8, seed: UInt64 = 1) -> DatasetSplit {
        var parts: [String: Part] = [:]
        for label in dataset.classes.indices {
            var paths = dataset.items.filter { $0.label == label }.map(\.path)
            var random = SplitMix64(seed: seed, stream: UInt64(label))
            random.shuffle(&paths)
            let count = Int((Double(paths.count) * share).rounded())
            for (place, path) in paths.enumerated() { parts[path] = place < count ? .train : .test }
        }
        return DatasetSplit(parts: parts)
    }

    /// Half of the classes train, drawn by seed; the others test: retrieval of what training never saw.
    public static func byClass(_ dataset: ImageDataset, seed: UInt64 = 1) -> DatasetSplit {
        var labels = Array(dataset.classes.indices)
        var random = SplitMix64(seed: seed)
        random.shuffle(&labels)
        let train = Set(labels.prefix((labels.count + 1) / 2))
        return DatasetSplit(
            parts: Dictionary(uniqueKeysWithValues: dataset.items.map { ($0.path, train.contains($0.label) ? .train : .test) }))
    }

    /// Whole blocks of ground train or test, drawn by seed until a share of the images trains; what would test, but overlaps an
    /// image that trains, is not used. So nothing that is tested has been seen, on whatever date.
    ///
    /// - Parameters:
    ///   - blocks: one for each item.
    ///   - overlaps: pairs of items' positions that show some of the same ground.
    public static func byPlace(
        _ dataset: ImageDataset, blocks: [some Comparable & Hashable], overlaps: [(Int, Int)], train share: Double = 0.8, seed: UInt64 = 1
    ) -> DatasetSplit {
        var order = Set(blocks).sorted()
        var random = SplitMix64(seed: seed)
        random.shuffle(&order)
        let sizes = Dictionary(grouping: blocks, by: \.self).mapValues(\.count)
        var trains: Set = [order[0]], count = sizes[order[0]]!
        for block in order.dropFirst() where Double(count + sizes[block]!) <= share * Double(blocks.count) {
            trains.insert(block)
            count += sizes[block]!
        }
        var parts = blocks.map { trains.contains($0) ? Part.train : .test }
        for (a, b) in overlaps {
            if parts[a] == .train, parts[b] == .test { parts[b] = .unused }
            if parts[b] == .train, parts[a] == .test { parts[a] = .unused }
        }
        return DatasetSplit(parts: Dictionary(uniqueKeysWithValues: zip(dataset.items.map(\.path), parts)))
    }

    private init(parts: [String: Part]) { self.parts = parts }

    /// Reads the file.
    /// - Throws: `TrainingError` for a file that cannot be read, a line that is not understood, or a path twice.
    public init(contentsOf path: String) throws {
        func refuse(_ reason: String, _ code: TrainingError.Code = .input) -> TrainingError {
            TrainingError(operation: "read split", subject: path, reason: reason, code: code)
        }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw refuse("there is no such file, or it cannot be read", .missing)
        }
        var parts: [String: Part] = [:]
        for (number, line) in text.split(whereSeparator: \.isNewline).enumerated() {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            if number == 0, fields.first == "path" { continue }
            guard fields.count == 3, let part = Part(rawValue: fields[2]) else {
                throw refuse("line \(number + 1) is not path,class,train|test|unused: \(line)")
            }
            guard parts.updateValue(part, forKey: fields[0]) == nil else { throw refuse("\(fields[0]) comes twice") }
        }
        self.parts = parts
    }

    /// The text of the file, sorted by path.
    public var csv: String {
        "path,class,split\n" + parts.sorted { $0.key < $1.key }.map { path, part in
            "\(path),\(path.split(separator: "/").first ?? ""),\(part.rawValue)\n"
        }.joined()
    }

    /// A part of a data set.
    /// - Throws: `TrainingError` where an image is not in the split, or the part is empty.
    public func select(_ part: Part, of dataset: ImageDataset) throws -> ImageDataset {
        if let stranger = dataset.items.first(where: { parts[$0.path] == nil }) {
            throw TrainingError(
                operation: "split", subject: dataset.folder, reason: "\(stranger.path) is not in the split file", code: .input)
        }
        let selected = dataset.filter { parts[$0.path] == part }
        guard !selected.items.isEmpty else {
            throw TrainingError(
                operation: "split", subject: dataset.folder, reason: "the split has no \(part.rawValue) images", code: .input)
        }
        return selected
    }
}
