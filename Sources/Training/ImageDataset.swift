import Foundation
import Synchronization
import TileGrid
import Tiling

/// Labelled images: a folder with a folder for each class.
public struct ImageDataset: Sendable {
    public struct Item: Hashable, Sendable {
        /// Relative to the data set's folder.
        public let path: String
        /// A place in `classes`.
        public let label: Int
    }

    public let folder: String
    /// The classes' names, ascending.
    public let classes: [String]
    /// By path.
    public let items: [Item]

    private static let extensions: Set = ["jpg", "jpeg", "png", "tif", "tiff", "bmp", "webp"]

    /// Lists a folder of class folders; reads no image.
    /// - Throws: `TrainingError` where there is no such folder, no class in it, or a class without images.
    public init(folder: String) throws {
        func refuse(_ subject: String, _ reason: String, _ code: TrainingError.Code = .input) -> TrainingError {
            TrainingError(operation: "read data set", subject: subject, reason: reason, code: code)
        }
        let files = FileManager.default
        guard let names = try? files.contentsOfDirectory(atPath: folder) else {
            throw refuse(folder, files.fileExists(atPath: folder) ? "it is not a folder that can be read" : "no such folder", .missing)
        }
        var isFolder: ObjCBool = false
        let classes = names.filter { name in
            !name.hasPrefix(".") && files.fileExists(atPath: "\(folder)/\(name)", isDirectory: &isFolder) && isFolder.boolValue
        }.sorted()
        guard !classes.isEmpty else { throw refuse(folder, "it has no folders; each class is a folder of images") }
        items = try classes.enumerated().flatMap { label, name in
            let images = ((try? files.contentsOfDirectory(atPath: "\(folder)/\(name)")) ?? []).filter {
                !$0.hasPrefix(".") && Self.extensions.contains(($0 as NSString).pathExtension.lowercased())
            }.sorted()
            guard !images.isEmpty else { throw refuse("\(folder)/\(name)", "class \(name) has no images") }
            return images.map { Item(path: "\(name)/\($0)", label: label) }
        }
        self.folder = folder
        self.classes = classes
    }

    private init(folder: String, classes: [String], items: [Item]) {
        self.folder = folder
        self.classes = classes
        self.items = items
    }

    /// Names without files, for measuring.
    static func generated(classes: Int, each: Int) -> ImageDataset {
        ImageDataset(
            folder: "", classes: (0..<classes).map { "class\($0)" },
            items: (0..<classes * each).map { Item(path: "\($0)", label: $0 / each) })
    }

    public var labels: [Int] { items.map(\.label) }

    /// The items that `isIncluded` takes; classes keep their numbers.
    public func filter(_ isIncluded: (Item) -> Bool) -> ImageDataset {
        ImageDataset(folder: folder, classes: classes, items: items.filter(isIncluded))
    }

    /// Every image, in the items' order, on as many threads as there are cores.
    /// - Throws: `TilingError` for the first that cannot be read.
    public func load() throws -> [TileImage] {
        let results = Mutex<[Int: Result<TileImage, any Error>]>([:])
        DispatchQueue.concurrentPerform(iterations: items.count) { index in
            let image = Result { try TileImage(contentsOf: "\(folder)/\(items[index].path)") }
            results.withLock { $0[index] = image }
        }
        let loaded = results.withLock { $0 }
        return try items.indices.map { try loaded[$0]!.get() }
    }
}
