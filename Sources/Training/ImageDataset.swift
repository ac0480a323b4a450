import Foundation
import Synchronization
import TileGrid
import Tiling

/// Labelled images: a folder with a folder for each class, or images in memory.
public struct ImageDataset: Sendable {
    public struct Item: Hashable, Sendable {
        /// Relative to the data set's folder; `class/name` for images in memory.
        public let path: String
        /// A place in `classes`.
        public let label: Int
    }

    public let folder: String
    /// The classes' names, ascending.
    public let classes: [String]
    /// By path; images in memory as they were given.
    public let items: [Item]
    /// Images in memory by path; nil where they lie in the folder.
    private let pictures: [String: TileImage]?

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
        pictures = nil
    }

    /// Images that are in memory.
    /// - Parameters:
    ///   - name: what to call the data set in an error.
    ///   - images: one for each item; none for a data set that is only divided.
    public init(name: String, items: [(className: String, name: String)], images: [TileImage]) {
        precondition(images.isEmpty || images.count == items.count, "\(images.count) images for \(items.count) items")
        let classes = Set(items.map(\.className)).sorted()
        let labels = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
        let items = items.map { Item(path: "\($0.className)/\($0.name)", label: labels[$0.className]!) }
        let pictures = Dictionary(zip(items.map(\.path), images)) { first, _ in first }
        self.init(folder: name, classes: classes, items: items, pictures: pictures)
    }

    private init(folder: String, classes: [String], items: [Item], pictures: [String: TileImage]?) {
        self.folder = folder
        self.classes = classes
        self.items = items
        self.pictures = pictures
    }

    /// Names without files, for measuring.
    static func generated(classes: Int, each: Int) -> ImageDataset {
        ImageDataset(
            folder: "", classes: (0..<classes).map { "class\($0)" },
            items: (0..<classes * each).map { Item(path: "\($0)", label: $0 / each) }, pictures: nil)
    }

    public var labels: [Int] { items.map(\.label) }

    /// The items that `isIncluded` takes; classes keep their numbers.
    public func filter(_ isIncluded: (Item) -> Bool) -> ImageDataset {
        ImageDataset(folder: folder, classes: classes, items: items.filter(isIncluded), pictures: pictures)
    }

    /// Every image, in the items' order, on as many threads as there are cores.
    /// - Throws: `TilingError` for the first that cannot be read.
    public func load() throws -> [TileImage] { try load(items.indices) }

    /// Those of some items.
    func load(_ places: Range<Int>) throws -> [TileImage] {
        let items = Array(items[places])
        if let pictures { return items.map { pictures[$0.path]! } }
        let results = Mutex<[Int: Result<TileImage, any Error>]>([:])
        DispatchQueue.concurrentPerform(iterations: items.count) { index in
            let image = Result { try TileImage(contentsOf: "\(folder)/\(items[index].path)") }
            results.withLock { $0[index] = image }
        }
        let loaded = results.withLock { $0 }
        return try items.indices.map { try loaded[$0]!.get() }
    }
}
