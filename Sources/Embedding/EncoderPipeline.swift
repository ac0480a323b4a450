import Kernels
import NeuralNetwork
import TileGrid

/// One thread's way from pixels to vectors: resize and scale, network, pooling, projection, L2 norm.
final class EncoderPipeline {
    private let model: EncoderModel
    private let engine: Engine
    private let resampler: ImageResampler
    private let network: InferenceNetwork
    private let pooled: Tensor
    private let descriptor: Tensor
    private let projection: Linear?
    private lazy var classifier = Result { try Classifier(model, input: pooled, on: engine) }

    /// The network's own batch.
    var batch: Int { network.batch }

    init(_ model: EncoderModel, type: ElementType, batch: Int) throws {
        self.model = model
        // One thread each: side by side they need no barriers between layers, and stay in their core's cache.
        engine = try Engine(threads: 1)
        let preprocessing = model.preprocessing
        resampler = ImageResampler(side: preprocessing.side, mean: preprocessing.mean, std: preprocessing.std)
        network = try InferenceNetwork(
            model.graph, weights: model.weights, sharing: model.packed[type]!, type: type, batch: batch, on: engine)
        let channels = model.graph.featureChannels
        pooled = try Tensor(.matrix(rows: batch, columns: channels), on: engine)
        guard model.hasProjection else {
            descriptor = pooled
            projection = nil
            return
        }
        descriptor = try Tensor(.matrix(rows: batch, columns: model.dimension), on: engine)
        let zeros = [Float](repeating: 0, count: model.dimension)
        projection = try Linear(
            input: pooled,
            weights: model.weights.values("projection.weight", shape: [model.dimension, channels]),
            bias: model.weights.entries["projection.bias"] == nil
                ? zeros : model.weights.values("projection.bias", shape: [model.dimension]),
            output: descriptor, on: engine)
    }

    /// Appends the L2-normalised vectors of at most `batch` images.
    func embed(_ images: ArraySlice<TileImage>, into values: inout [Float]) throws {
        try computeFeatures(images)
        pool(network.features, by: model.pooling, into: pooled)
        try projection?.execute()
        normaliseRows(descriptor)
        descriptor.append(rows: images.count, to: &values)
    }

    /// Appends the classifier's logits for at most `batch` images.
    func classify(_ images: ArraySlice<TileImage>, into values: inout [Float]) throws {
        let classifier = try self.classifier.get()
        try computeFeatures(images)
        pool(network.features, by: .spoc, into: pooled)
        try classifier.layer.execute()
        classifier.logits.append(rows: images.count, to: &values)
    }

    /// Where images are fewer than the batch, the rest of it is computed from what was there, and not read.
    private func computeFeatures(_ images: ArraySlice<TileImage>) throws {
        precondition(images.count <= batch, "\(images.count) images for a batch of \(batch)")
        for (place, image) in images.enumerated() {
            resampler.write(image.pixels, width: image.width, height: image.height, into: network.input, at: place)
        }
        try network.run()
    }

    private struct Classifier {
        let logits: Tensor
        let layer: Linear

        init(_ model: EncoderModel, input: Tensor, on engine: Engine) throws {
            guard let classes = model.classCount else {
                throw EncoderError(
                    operation: "classify with", subject: model.name, reason: "the model has no classifier")
            }
            let name = model.graph.classifier
            logits = try Tensor(.matrix(rows: input.descriptor.dimensions[0], columns: classes), on: engine)
            layer = try Linear(
                input: input,
                weights: model.weights.values("\(name).weight", shape: [classes, model.graph.featureChannels]),
                bias: model.weights.values("\(name).bias", shape: [classes]), output: logits, on: engine)
        }
    }
}
