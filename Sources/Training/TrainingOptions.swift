import Foundation
import MetricLearning
import NeuralNetwork

/// Everything that a training depends on beside its data and its backbone. Two runs with equal options give equal weights.
public struct TrainingOptions: Hashable, Sendable, Codable {
    public var loss = TrainingLoss.dcl
    public var dcl = DCLParameters()
    public var epochs = 12
    public var batch = BatchShape(classes: 6, imagesPerClass: 6)
    /// Length of the descriptors.
    public var dimension = 256
    /// `spoc`, `max`, `gem:P`.
    public var pooling = "spoc"
    /// Rows and columns of the network's input.
    public var side = 224
    /// That of the model's input when it is used; nil for the same. Crops are enlarged in training, so that things look larger
    /// there than in whole tiles; a larger input makes up for it (Touvron et al. 2019, *Fixing the train-test resolution
    /// discrepancy*).
    public var inferenceSide: Int?
    public var batchNorm = BatchNormMode.frozen
    public var optimizer = OptimizerKind.adamW
    /// At the end of the warm-up; it falls to 0 along half a cosine.
    public var learningRate = 2e-4
    /// Steps of the linear warm-up, as a share of all.
    public var warmUp = 0.1
    /// Not of norms and biases.
    public var weightDecay = 1e-4
    /// The projection's learning rate, as a multiple: it starts from less than the backbone.
    public var projectionRate = 1.0
    /// The gradients' greatest length.
    public var clipping = 5.0
    public var augmentation = Augmentation()
    /// How much of the backbone the model keeps: its weights are (1 − share) trained + share backbone (Wortsman et al. 2022,
    /// *Robust fine-tuning of zero-shot models*). It then knows better what training never showed.
    public var backboneShare = 0.0
    public var seed: UInt64 = 1
    /// Shards of a batch, one thread each. Their gradients are summed in order; another number rounds otherwise.
    public var threads = 2

    public init() {}

    /// The learning rate at a step (Loshchilov & Hutter 2017, without restarts, after a linear warm-up).
    public func rate(step: Int, of total: Int) -> Double {
        let warm = max(1, Int((Double(total) * warmUp).rounded()))
        if step < warm { return learningRate * Double(step + 1) / Double(warm) }
        let progress = Double(step - warm) / Double(max(1, total - warm))
        return learningRate * 0.5 * (1 + cos(.pi * progress))
    }

    /// As canonical JSON: what a checkpoint is compared by.
    var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try! encoder.encode(self), as: UTF8.self)  // numbers, strings and booleans
    }
}
