import Embedding
import Foundation
import MetricLearning
import TileGrid

/// How fast training steps are: generated images of 256 pixels, everything that a real step does.
public struct TrainingBenchmark {
    public struct Measurement: Sendable, Encodable {
        public let imagesPerSecond: Double
        public let stepSeconds: [Double]
        public let batch: Int
        public let threads: Int
    }

    /// - Parameter steps: measured, after one that is not.
    /// - Throws: what `Trainer` throws.
    public static func run(backbone: EncoderModel, options: TrainingOptions, steps: Int) throws -> Measurement {
        var options = options
        options.epochs = steps + 1  // an epoch is one step here
        let images = (0..<options.batch.count).map { number in
            var random = SplitMix64(seed: 1, stream: UInt64(number))
            return TileImage(width: 256, height: 256, pixels: (0..<256 * 256 * 3).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        }
        let trainer = try Trainer(
            backbone: backbone, dataset: .generated(classes: options.batch.classes, each: options.batch.imagesPerClass),
            images: images, options: options)
        var seconds: [Double] = []
        try trainer.run(checkpoint: nil) { step in if step.step > 0 { seconds.append(step.seconds) } }
        let median = seconds.sorted()[seconds.count / 2]
        return Measurement(
            imagesPerSecond: Double(options.batch.count) / median, stepSeconds: seconds, batch: options.batch.count,
            threads: options.threads)
    }
}
