import Embedding
import Foundation
import Kernels
import MetricLearning
import NeuralNetwork
import Testing

@testable import Training

/// Trainings of a few steps, with the pretrained network that scripts/setup installs, on textures of 64 pixels.
@Suite(.serialized) final class TrainerTests {
    private let data: GeneratedDataset
    private let images: ImageDataset
    private let backbone: EncoderModel

    init() throws {
        data = try GeneratedDataset()
        images = try ImageDataset(folder: data.folder)
        backbone = try EncoderModel.load(named: EncoderModel.backboneName)
    }

    deinit { data.remove() }

    private func options(_ loss: TrainingLoss = .dcl, epochs: Int = 2) -> TrainingOptions {
        var options = TrainingOptions()
        options.loss = loss
        options.epochs = epochs
        options.side = 64
        options.dimension = 32
        options.learningRate = 5e-4
        options.threads = 2
        return options
    }

    private func trainer(_ options: TrainingOptions) throws -> Trainer {
        try Trainer(backbone: backbone, dataset: images, images: images.load(), options: options)
    }

    private func encoded(_ trainer: Trainer) throws -> EncoderModel {
        try EncoderModel.make(
            trainer.model.tensors(.float32), metadata: trainer.model.metadata(name: "trained", training: trainer.options.json))
    }

    /// 1 − mAP: what is left to gain.
    private func shortfall(_ model: EncoderModel) throws -> Double {
        1 - (try Evaluation(model: model, test: images, precision: .float32).report.overall.meanAveragePrecision)
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: TrainingLoss.allCases)
    func everyLossLearnsTheClasses(_ loss: TrainingLoss) throws {
        let trainer = try trainer(options(loss, epochs: 6))
        var losses: [Double] = []
        var before = 0.0
        try trainer.run(checkpoint: nil) { step in
            if losses.isEmpty { before = try shortfall(encoded(trainer)) }
            losses.append(step.loss)
        }
        let after = try shortfall(encoded(trainer))
        #expect(after < 0.5 * before, "1 − mAP is \(before) before, \(after) after")
        #expect(losses.allSatisfy { $0.isFinite })
    }

    @Test func equalSeedsGiveEqualWeightsAndAnotherSeedOthers() throws {
        func weights(_ seed: UInt64) throws -> String {
            var options = options(epochs: 1)
            options.seed = seed
            let trainer = try trainer(options)
            try trainer.run(checkpoint: nil) { _ in }
            return try encoded(trainer).weightsSHA256
        }
        let first = try weights(1)
        #expect(try weights(1) == first)
        #expect(try weights(2) != first)
    }

    /// Six threads have as many images each as a class has in a batch: were they of one class, the norms would take out what tells
    /// it from others, and much of what the backbone knew would be lost. Of six images it is enough that nothing is lost.
    @Test(arguments: [(threads: 2, left: 0.7), (threads: 6, left: 1)])
    func normsByTheBatchLearnTooAndTheirStatisticsFollow(_ threads: Int, _ left: Double) throws {
        var options = options(epochs: 12)
        options.batchNorm = .batch
        options.threads = threads
        let trainer = try trainer(options)
        var before = 0.0
        let running = trainer.model.network.statistics
        try trainer.run(checkpoint: nil) { step in if step.step == 0 { before = try shortfall(encoded(trainer)) } }
        // The evaluation normalises by the running statistics: had they stayed, it would see other descriptors. Less is gained
        // than with frozen norms: of images this small few values stand behind each statistic.
        let after = try shortfall(encoded(trainer))
        #expect(after < left * before, "1 − mAP is \(before) before, \(after) after")
        for (name, values) in trainer.model.network.statistics { #expect(values != running[name], "\(name)") }
    }

    @Test func aShareOfTheBackboneIsKept() throws {
        var options = options(epochs: 1)
        options.backboneShare = 0.25
        let trainer = try trainer(options)
        let start = trainer.model.network.values
        try trainer.run(checkpoint: nil) { _ in }
        let path = "\(data.folder)/shared.safetensors"
        try trainer.model.write(to: path, training: options)
        let file = try EncoderModel.load(path: path).weights
        for (name, trained) in trainer.model.network.values {
            let kept = try file.values(name, shape: try #require(trainer.model.network.shapes[name]))
            for place in stride(from: 0, to: trained.count, by: 101) {
                let expected = 0.75 * trained[place] + 0.25 * start[name]![place]
                #expect(abs(kept[place] - expected) <= 1e-3 * abs(expected) + 1e-6, "\(name)")
            }
        }
    }

    @Test(arguments: BatchNormMode.allCases)
    func aRunCutShortContinuesToTheSameWeights(_ norms: BatchNormMode) throws {
        var options = options(epochs: 3)
        options.batchNorm = norms
        let whole = try trainer(options)
        try whole.run(checkpoint: nil) { _ in }
        let checkpoint = "\(data.folder)/model.checkpoint"
        struct PowerCut: Error {}
        let cut = try trainer(options)
        #expect(message { try cut.run(checkpoint: checkpoint) { if $0.epoch == 2 { throw PowerCut() } } } == "PowerCut()")
        let continued = try trainer(options)
        var first: Int?
        try continued.run(checkpoint: checkpoint) { step in first = first ?? step.epoch }
        #expect(first == 2)
        let (a, b) = try (encoded(whole), encoded(continued))
        #expect(a.weightsSHA256 == b.weightsSHA256)
        // Another training does not take it for its own, and a damaged one is said to be so.
        var other = options
        other.learningRate = 1e-3
        #expect(message { try trainer(other).run(checkpoint: checkpoint) { _ in } }.contains("training with other options"))
        let half = try Data(contentsOf: URL(fileURLWithPath: checkpoint)).prefix(5000)
        try half.write(to: URL(fileURLWithPath: checkpoint))
        #expect(message { try trainer(options).run(checkpoint: checkpoint) { _ in } }.contains("remove it"))
    }

    @Test func aLossThatIsNoNumberStopsAndNamesTheStep() throws {
        var options = options(.contrastive, epochs: 4)
        options.learningRate = 1e30
        options.warmUp = 0
        options.clipping = 1e30
        #expect(message { try trainer(options).run(checkpoint: nil) { _ in } }.hasPrefix("cannot train past step "))
    }

    /// The last step's weights meet no loss that would tell.
    @Test func weightsThatAreNoNumbersAreNoModel() throws {
        var options = options(.contrastive, epochs: 1)
        options.learningRate = 1e38
        options.weightDecay = 1e10
        options.warmUp = 0
        options.batch = BatchShape(classes: 7, imagesPerClass: 10)  // one step
        #expect(message { try trainer(options).run(checkpoint: nil) { _ in } }.contains("step 0: a weight is not finite"))
    }

    /// A checkpoint is of its own learning rate alone: once there is one, it is in a lower rate's way.
    @Test func aTrainingThatDivergedBeginsAnewOnceItsCheckpointIsRemoved() throws {
        let checkpoint = "\(data.folder)/diverged.checkpoint"
        var options = options(.contrastive, epochs: 2)
        options.learningRate = 1e30
        options.warmUp = 0
        options.clipping = 1e30
        options.batch = BatchShape(classes: 7, imagesPerClass: 10)  // an epoch is one step
        let without = message { try trainer(options).run(checkpoint: nil) { _ in } }
        #expect(without.hasSuffix("; begin with a lower learning rate"), "\(without)")
        for _ in 1...2 {
            let refusal = message { try trainer(options).run(checkpoint: checkpoint) { _ in } }
            #expect(refusal.hasSuffix("; remove \(checkpoint) and begin with a lower learning rate"), "\(refusal)")
        }
        options.learningRate = 5e-4
        #expect(message { try trainer(options).run(checkpoint: checkpoint) { _ in } }.contains("other options"))
        try FileManager.default.removeItem(atPath: checkpoint)
        try trainer(options).run(checkpoint: checkpoint) { _ in }
    }

    @Test func theWrittenModelIsAnEncoder() throws {
        let trainer = try trainer(options(epochs: 1))
        try trainer.run(checkpoint: nil) { _ in }
        let path = "\(data.folder)/model.safetensors"
        try trainer.model.write(to: path, training: trainer.options)
        let model = try EncoderModel.load(path: path)
        #expect(model.dimension == 32 && model.preprocessing.side == 64)
        // Binary16 weights against the float32 ones they were rounded from.
        let exact = try Encoder(model: encoded(trainer), precision: .float32, threads: 1).embed(images.load())
        let stored = try Encoder(model: model, precision: .float32, threads: 1).embed(images.load())
        for (a, b) in zip(exact.rows, stored.rows) {
            #expect(zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } > 0.9999)
        }
    }

    @Test func whatCannotTrainIsRefused() throws {
        func refusal(_ change: (inout TrainingOptions) -> Void) -> String {
            var options = options()
            change(&options)
            return message { _ = try trainer(options) }
        }
        #expect(refusal { $0.batch = BatchShape(classes: 5, imagesPerClass: 6) }.contains("at least 6 × 6"))
        #expect(refusal { $0.batch = BatchShape(classes: 8, imagesPerClass: 6) }.contains("takes 8"))
        #expect(refusal { $0.batch = BatchShape(classes: 6, imagesPerClass: 11) }.contains("10 of the 11 images"))
        #expect(refusal { $0.side = 100 }.contains("multiple of 32"))
        #expect(refusal { $0.pooling = "mean" }.contains("spoc"))
        #expect(refusal { $0.dimension = 5000 }.contains("1280"))
        #expect(refusal { $0.augmentation.leastArea = 0 }.contains("a crop keeps"))
        #expect(refusal { $0.backboneShare = 1 }.contains("less than 1"))
        #expect(refusal { $0.learningRate = .nan }.contains("learning rate nan"))
        for decay in [-1, .nan, .infinity] { #expect(refusal { $0.weightDecay = decay }.contains("weight decay \(decay)")) }
        for rate in [-1, 0, .nan, .infinity] {
            #expect(refusal { $0.projectionRate = rate }.contains("the projection's \(rate) times"))
        }
    }
}
