import ArgumentParser
import Embedding
import Foundation
import MetricLearning
import NeuralNetwork
import Training

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Fine-tunes an encoder on labelled images, end to end.",
        discussion: """
            DATASET is a folder with a folder of images for each class, or a file of labelled places over ingested tiles: a point \
            labels the tiles it lies in, a polygon those that it covers by half. The model file can be used at once: \
            tilescout ingest --model OUT. A checkpoint is written beside it after every epoch; the same call continues a run \
            that was cut short, to the same weights. Every step is logged in OUT.csv.
            """)

    @OptionGroup var dataset: DatasetArguments

    @Option(help: "The model file to write (.safetensors).")
    var out: String

    @Option(help: "Only the training images of this split (tilescout split).")
    var split: String?

    @Option(help: "The encoder to start from: an installed model, or a .safetensors file.")
    var backbone = EncoderModel.backboneName

    @OptionGroup(title: "Loss") var loss: LossArguments

    @Option(help: "Passes over the images.")
    var epochs = TrainingOptions().epochs

    @Option(help: "Classes in a batch.")
    var classesPerBatch = TrainingOptions().batch.classes

    @Option(help: "Images of each class in a batch.")
    var imagesPerClass = TrainingOptions().batch.imagesPerClass

    @Option(help: "Length of the descriptors.")
    var dimension = TrainingOptions().dimension

    @Option(help: "Pooling: spoc, max or gem:P.")
    var pooling = TrainingOptions().pooling

    @Option(help: "Rows and columns that images are resized to.")
    var imageSize = TrainingOptions().side

    @Option(help: "Rows and columns of the finished model's input, where they differ.")
    var inferenceSize: Int?

    @Option(help: "Batch norms: frozen (the backbone's statistics) or batch (each thread's share of a batch has its own).")
    var batchNorm = TrainingOptions().batchNorm

    @Option(help: "sgd or adamw.")
    var optimizer = TrainingOptions().optimizer

    @Option(help: "Learning rate after the warm-up.")
    var learningRate = TrainingOptions().learningRate

    @Option(help: "Weight decay.")
    var weightDecay = TrainingOptions().weightDecay

    @Option(help: "The projection's learning rate, as a multiple of the backbone's.")
    var projectionRate = TrainingOptions().projectionRate

    @Option(help: "Seed of batches and augmentation.")
    var seed = TrainingOptions().seed

    @Option(help: "Threads; batches are spread over them.")
    var threads = ProcessInfo.processInfo.activeProcessorCount

    @Option(help: "The least share of an image's area that a random crop keeps.")
    var leastArea = TrainingOptions().augmentation.leastArea

    @Option(help: "The share by which the light varies, and the channels' gains by half of it.")
    var colour = TrainingOptions().augmentation.colour

    @Option(help: "How much of the backbone's weights the model keeps, 0 to 1: it then knows better what training never showed.")
    var backboneShare = TrainingOptions().backboneShare

    @Flag(help: "Train on the images as they are.")
    var noAugmentation = false

    @Flag(name: [.short, .long], help: "No progress.")
    var quiet = false

    private var options: TrainingOptions {
        get throws {
            var options = TrainingOptions()
            options.loss = loss.loss
            options.dcl = try loss.parameters
            options.epochs = epochs
            options.batch = BatchShape(classes: classesPerBatch, imagesPerClass: imagesPerClass)
            options.dimension = dimension
            options.pooling = pooling
            options.side = imageSize
            options.inferenceSide = inferenceSize
            options.batchNorm = batchNorm
            options.optimizer = optimizer
            options.learningRate = learningRate
            options.weightDecay = weightDecay
            options.projectionRate = projectionRate
            options.seed = seed
            options.threads = threads
            options.augmentation.leastArea = leastArea
            options.augmentation.colour = colour
            options.backboneShare = backboneShare
            if noAugmentation { options.augmentation = .none }
            return options
        }
    }

    func run() throws {
        let options = try options
        var images = try dataset.images()
        if let split { images = try DatasetSplit(contentsOf: split).select(.train, of: images) }
        let model = try EncoderModel.load(named: backbone)
        let trainer = try Trainer(backbone: model, dataset: images, images: images.load(), options: options)
        let checkpoint = out + ".checkpoint"
        let log = try TrainingLog(path: out + ".csv", keepsRows: FileManager.default.fileExists(atPath: checkpoint))
        let display = TrainingDisplay(quiet: quiet)
        try trainer.run(checkpoint: checkpoint) { step in
            try log.append(step)
            display.show(step)
        }
        display.finish()
        try trainer.model.write(to: out, training: options)
        try? FileManager.default.removeItem(atPath: checkpoint)
        try Terminal.write(
            "\(out): \(options.loss.rawValue), \(Quantity.count(options.epochs, "epoch")) of "
                + "\(Quantity.count(images.items.count, "image")) of \(Set(images.labels).count) classes, "
                + "\(options.dimension) dimensions; tilescout ingest --model \(out)")
    }
}

/// The loss and what may be taken away from it.
struct LossArguments: ParsableArguments {
    @Option(help: "dcl, contrastive, triplet-semihard, triplet-batchhard, ranked-list or multi-similarity.")
    var loss: TrainingLoss = .dcl

    @Option(help: "Which share of hard and easy positives raises their weight in DCL: hardToEasy or easyToHard.")
    var direction: DCLParameters.BalanceDirection = .hardToEasy

    @Option(
        help: """
            Terms of DCL to leave out, for ablation: sample-balance, balance-weight, ranking, ranked-margins, category-weight, \
            violation-weight, class-order.
            """)
    var without: [String] = []

    private static let terms: [String: DCLParameters.Components] = [
        "sample-balance": .sampleBalance, "balance-weight": .balanceWeight, "ranking": .ranking,
        "ranked-margins": .rankedMargins, "category-weight": .categoryWeight, "violation-weight": .violationWeight,
        "class-order": .classOrder,
    ]

    var parameters: DCLParameters {
        get throws {
            var parameters = DCLParameters()
            parameters.direction = direction
            for name in without {
                guard let term = Self.terms[name] else {
                    throw ValidationError(
                        "DCL has no term \(name); it has \(Self.terms.keys.sorted().joined(separator: ", "))")
                }
                parameters.components.remove(term)
            }
            return parameters
        }
    }
}

extension TrainingLoss: ExpressibleByArgument {}
extension OptimizerKind: ExpressibleByArgument {}
extension BatchNormMode: ExpressibleByArgument {}
extension DCLParameters.BalanceDirection: ExpressibleByArgument {}
