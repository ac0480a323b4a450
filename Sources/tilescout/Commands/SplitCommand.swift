import ArgumentParser
import Foundation
import Training

struct SplitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "split",
        abstract: "Divides labelled images into a training and a test part.",
        discussion: "Writes CSV with the columns path, class, split. Equal seeds give equal splits.")

    @Argument(help: "A folder of class folders.")
    var dataset: String

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
        let images = try ImageDataset(folder: dataset)
        let split = byClass ? DatasetSplit.byClass(images, seed: seed) : .byImage(images, train: train, seed: seed)
        do {
            try Data(split.csv.utf8).write(to: URL(fileURLWithPath: out), options: .atomic)
        } catch {
            throw Failure("cannot write \(out): \((error as NSError).localizedDescription)", ExitStatus.cannotWrite)
        }
        let test = split.parts.values.count { $0 == .test }
        Terminal.write("\(out): \(Quantity.count(split.parts.count - test)) train, \(Quantity.count(test)) test")
    }
}
