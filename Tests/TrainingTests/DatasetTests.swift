import Foundation
import Testing
import TileGrid

@testable import MetricLearning
@testable import Training

@Suite final class DatasetTests {
    private let data: GeneratedDataset

    init() throws { data = try GeneratedDataset(classes: 4, imagesPerClass: 10, side: 16) }
    deinit { data.remove() }

    @Test func splitsAreBalancedDisjointAndRepeatable() throws {
        let images = try ImageDataset(folder: data.folder)
        let split = DatasetSplit.byImage(images, train: 0.7, seed: 5)
        let (train, test) = try (split.select(.train, of: images), split.select(.test, of: images))
        #expect(train.items.count == 28 && test.items.count == 12)
        for label in 0..<4 { #expect(train.labels.count { $0 == label } == 7) }
        #expect(Set(train.items).isDisjoint(with: test.items))
        #expect(DatasetSplit.byImage(images, train: 0.7, seed: 5) == split)
        #expect(DatasetSplit.byImage(images, train: 0.7, seed: 6) != split)

        let path = "\(data.folder)/split.csv"
        try Data(split.csv.utf8).write(to: URL(fileURLWithPath: path))
        #expect(try DatasetSplit(contentsOf: path) == split)

        let classes = DatasetSplit.byClass(images)
        let (seen, unseen) = try (classes.select(.train, of: images), classes.select(.test, of: images))
        #expect(Set(seen.labels).count == 2 && Set(seen.labels).isDisjoint(with: unseen.labels))
    }

    @Test func badDataSetsAreNamed() throws {
        func message(_ body: () throws -> Void) -> String {
            do {
                try body()
                return "accepted"
            } catch {
                return "\(error)"
            }
        }
        #expect(message { _ = try ImageDataset(folder: "/nowhere") }.contains("no such folder"))
        #expect(message { _ = try ImageDataset(folder: "\(data.folder)/class0") }.contains("each class is a folder"))
        try FileManager.default.createDirectory(atPath: "\(data.folder)/empty", withIntermediateDirectories: true)
        #expect(message { _ = try ImageDataset(folder: data.folder) }.contains("class empty has no images"))
        try Data("no image".utf8).write(to: URL(fileURLWithPath: "\(data.folder)/empty/broken.png"))
        #expect(message { _ = try ImageDataset(folder: data.folder).load() }.contains("broken.png"))
        let split = "\(data.folder)/split.csv"
        try Data("path,class,split\na.png,a,training\n".utf8).write(to: URL(fileURLWithPath: split))
        #expect(message { _ = try DatasetSplit(contentsOf: split) }.contains("line 2"))
    }

    @Test func augmentationKeepsSizesSaneAndIsRepeatable() throws {
        let image = try ImageDataset(folder: data.folder).load()[0]
        for stream in 0..<200 as Range<UInt64> {
            var random = SplitMix64(seed: 3, stream: stream), again = random
            let changed = Augmentation().apply(to: image, using: &random)
            #expect(changed == Augmentation().apply(to: image, using: &again))
            #expect(changed.width >= 8 && changed.width <= 16 && changed.height >= 8 && changed.height <= 16)
        }
        var random = SplitMix64(seed: 1)
        #expect(Augmentation.none.apply(to: image, using: &random) == image)
    }

    /// Turned by each of the eight ways, an image gives eight pictures, each with the same pixels.
    @Test func turnsMoveEveryPixelOnce() throws {
        let pixels = (0..<6).flatMap { [UInt8($0), UInt8($0 * 10), UInt8($0 * 20)] }
        let image = TileImage(width: 3, height: 2, pixels: pixels)
        var only = Augmentation.none
        only.turns = true
        var pictures: Set<TileImage> = []
        var random = SplitMix64(seed: 9)
        for _ in 0..<200 { pictures.insert(only.apply(to: image, using: &random)) }
        #expect(pictures.count == 8)
        for picture in pictures { #expect(picture.pixels.sorted() == pixels.sorted()) }
    }
}
