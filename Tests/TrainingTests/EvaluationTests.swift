import Embedding
import Foundation
import MetricLearning
import Testing

@testable import Training

/// Evaluations of the pretrained network on textures of 64 pixels.
@Suite final class EvaluationTests {
    private let data: GeneratedDataset
    private let images: ImageDataset
    private let backbone: EncoderModel

    init() throws {
        data = try GeneratedDataset()
        images = try ImageDataset(folder: data.folder)
        backbone = try EncoderModel.load(named: EncoderModel.backboneName)
    }

    deinit { data.remove() }

    /// 70 images are more than are in memory at once.
    @Test(arguments: [[1], [0.7, 1, 1.4]])
    func aDescriptorDependsOnItsImageAlone(_ scales: [Double]) throws {
        let encoder = try Encoder(model: backbone, precision: .float32)
        let together = try Evaluation.descriptors(of: images, encoder, scales)
        let apart = try images.items.flatMap { item in
            try Evaluation.descriptors(of: images.filter { $0 == item }, encoder, scales).elements
        }
        #expect(together.rows == 70 && together.elements == apart)
        let pictures = try images.load()
        let held = ImageDataset(name: "held", items: images.items.map { (images.classes[$0.label], $0.path) }, images: pictures)
        #expect(try Evaluation.descriptors(of: held, encoder, scales) == together)
    }

    /// Of 35 images 34 directions have variance, whatever the dimension.
    @Test func whiteningToMoreThanTheTrainingImagesTellIsRefused() throws {
        let names = (0..<5).map { "image\($0).png" }
        let training = images.filter { item in names.contains { item.path.hasSuffix($0) } }
        #expect(training.items.count == 35)
        func evaluate(_ components: Int) throws -> Double {
            var options = EvaluationOptions()
            options.whitening = components
            return try Evaluation(model: backbone, test: images, training: training, options: options, precision: .float32)
                .report.overall.meanAveragePrecision
        }
        #expect(try evaluate(34).isFinite)
        for components in [35, 100] {
            let error = #expect(throws: TrainingError.self) { try evaluate(components) }
            #expect(error?.description.contains("35 training images vary in 34 directions") == true, "\(error?.description ?? "")")
        }
    }
}
