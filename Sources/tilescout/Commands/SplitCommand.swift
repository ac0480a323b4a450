import ArgumentParser
import Foundation
import Training

struct SplitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "split",
        abstract: "Divides labelled images into a training and a test part.",
        discussion: """
            Writes CSV with the columns path, class, split. Equal seeds give equal splits. Labelled places are divided by blocks of \
            ground, four tiles wide: whole blocks train or test, and a tile that would test but overlaps one that trains is not used.
            """)

    @OptionGroup var dataset: DatasetArguments

    @Option(help: "The CSV file to write.")
    var out: String

    @Option(help: "The share of each class's images that train.")
    var train = 0.8

    @Flag(help: "Half of the classes train, the other half test, whole.")
    var byClass = false

    @Option(help: "Seed of the draw.")
    var seed: UInt64 = 1

    func validate() throws {
        guard train > 0, train < 1 else { throw ValidationError("--train is a share between 0 and 1, not \(train)") }
    }

    func run() throws {
        let split = try divide()
        do {
            try Data(split.csv.utf8).write(to: URL(fileURLWithPath: out), options: .atomic)
        } catch {
            throw Failure("cannot write \(out): \((error as NSError).localizedDescription)", ExitStatus.cannotWrite)
        }
        func count(_ part: DatasetSplit.Part) -> Int { split.parts.values.count { $0 == part } }
        let unused = count(.unused)
        try Terminal.write(
            "\(out): \(Quantity.count(count(.train))) train, \(Quantity.count(count(.test))) test"
                + (unused > 0 ? ", \(Quantity.count(unused)) unused: they overlap a tile that trains" : ""))
    }

    private func divide() throws -> DatasetSplit {
        guard let tiles = try dataset.labelledTiles() else {
            let images = try ImageDataset(folder: dataset.path)
            return byClass ? .byClass(images, seed: seed) : .byImage(images, train: train, seed: seed)
        }
        let images = dataset.dataset(tiles)
        if byClass { return .byClass(images, seed: seed) }
        return .byPlace(images, blocks: tiles.blocks(ofTiles: 4), overlaps: tiles.overlaps, train: train, seed: seed)
    }
}
