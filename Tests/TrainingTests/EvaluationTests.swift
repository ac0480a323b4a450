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
