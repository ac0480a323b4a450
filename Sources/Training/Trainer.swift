import Embedding
import Foundation
import Kernels
import MetricLearning
import NeuralNetwork
import TileGrid

/// Fine-tunes a backbone and a projection end to end with a metric-learning loss.
///
/// A batch is dealt out to threads, each with its own network over the same weights; descriptors meet in the loss, gradients are
/// summed in the threads' order. Equal options give equal weights, bit for bit, on one kind of CPU.
public final class Trainer {
    public let options: TrainingOptions
    public private(set) var model: TrainedModel
    private let images: [TileImage]
    private let labels: [Int]
    private let sampler: BalancedBatchSampler
    private let shards: [OwningThread<BatchShard>]
    /// Each shard's places in a batch. They are dealt out in turn, for a batch comes grouped by class: the statistics of a shard
    /// with one class would give it away, where norms are by the batch.
    private let places: [[Int]]
    private let identity: Checkpoint.Identity
    private var optimizer: Optimizer
    /// Path of the checkpoint, once there is one.
    private var checkpoint: String?

    /// - Parameters:
    ///   - images: those of the data set's items, in their order.
    /// - Throws: `TrainingError` for options out of range, `MetricLearningError` for a data set that cannot fill the batches,
    ///   `ModelFileError` or `KernelError` where the network cannot be made.
    public init(backbone: EncoderModel, dataset: ImageDataset, images: [TileImage], options: TrainingOptions) throws {
        precondition(images.count == dataset.items.count, "\(images.count) images for \(dataset.items.count) items")
        let graph = backbone.architecture.graph(side: options.side)
        let pooling = try Trainer.check(options, graph)
        let counts = Dictionary(grouping: dataset.labels, by: \.self).mapValues(\.count)
        if let label = counts.keys.sorted().first(where: { counts[$0]! < options.batch.imagesPerClass }) {
            throw TrainingError(
                operation: "train on", subject: dataset.folder,
                reason: "class \(dataset.classes[label]) has \(counts[label]!) of the \(options.batch.imagesPerClass) images that a batch "
                    + "takes of each class (--images-per-class)", code: .input)
        }
        if options.loss == .dcl { try options.dcl.validate(classes: Set(dataset.labels).count) }
        sampler = try BalancedBatchSampler(
            labels: dataset.labels, shape: options.batch, least: options.loss.leastBatch(options.dcl), seed: options.seed)
        self.options = options
        self.images = images
        labels = dataset.labels
        identity = Checkpoint.Identity(
            options: options.json, backbone: backbone.weightsSHA256, dataset: dataset.digest)
        optimizer = Optimizer(options.optimizer)
        let old = backbone.preprocessing
        let preprocessing = Preprocessing(
            side: options.inferenceSide ?? options.side, mean: old.mean, std: old.std, interpolation: old.interpolation)
        model = TrainedModel(
            backbone: backbone, preprocessing: preprocessing, pooling: pooling,
            network: try NetworkParameters(graph, from: backbone.weights), projection: ([], []))
        let count = options.batch.count, threads = min(options.threads, count)
        places = (0..<threads).map { Array(stride(from: $0, to: count, by: threads)) }
        shards = places.enumerated().map { index, places in
            OwningThread(name: "trainer \(index)") {
                try BatchShard(
                    graph, norms: options.batchNorm, pooling: pooling, mean: old.mean, std: old.std, images: places.count)
            }
        }
    }

    private static func check(_ options: TrainingOptions, _ graph: NetworkGraph) throws -> GlobalPooling {
        func refuse(_ subject: String, _ reason: String) -> TrainingError {
            TrainingError(operation: "train with", subject: subject, reason: reason, code: .input)
        }
        guard let pooling = GlobalPooling(text: options.pooling) else {
            throw refuse("pooling \(options.pooling)", "it is one of spoc, max, gem:P")
        }
        guard options.epochs > 0 else { throw refuse("\(options.epochs) epochs", "one is the least") }
        guard (32...1024).contains(options.side), options.side % 32 == 0 else {
            throw refuse("images of \(options.side) pixels", "the side is a multiple of 32 from 32 to 1024")
        }
        guard options.inferenceSide.map((32...1024).contains) ?? true else {
            throw refuse("an inference size of \(options.inferenceSide!)", "it is from 32 to 1024 pixels")
        }
        guard (2...graph.featureChannels).contains(options.dimension) else {
            throw refuse("\(options.dimension) dimensions", "the backbone gives \(graph.featureChannels) at most")
        }
        let rates = [options.learningRate, options.projectionRate, options.weightDecay]
        guard rates.allSatisfy(\.isFinite), options.learningRate > 0, options.projectionRate > 0, options.weightDecay >= 0 else {
            throw refuse(
                "learning rate \(rates[0]), the projection's \(rates[1]) times that, weight decay \(rates[2])",
                "they are positive numbers, and a decay may be 0")
        }
        guard options.augmentation.leastArea > 0, options.augmentation.leastArea <= 1, (0..<1).contains(options.augmentation.colour)
        else {
            throw refuse(
                "crops of \(options.augmentation.leastArea), colours by \(options.augmentation.colour)",
                "a crop keeps more than 0 and at most 1, colours vary by less than 1")
        }
        guard (0..<1).contains(options.backboneShare) else {
            throw refuse("\(options.backboneShare) of the backbone", "the share is from 0 to less than 1")
        }
        guard (1...256).contains(options.threads) else { throw refuse("\(options.threads) threads", "1 to 256") }
        return pooling
    }

    /// Trains, from the checkpoint where there is one, and leaves the model trained.
    ///
    /// - Parameters:
    ///   - checkpoint: written after every epoch; nil for none.
    ///   - log: told each step.
    /// - Throws: `TrainingError` where the loss is no longer a number: it says how to begin anew.
    public func run(checkpoint path: String?, log: (TrainingStep) throws -> Void) throws {
        // How OpenBLAS shares out a product depends on what else runs, and with it the rounding; these products are small.
        setLinearAlgebraThreads(1)
        var epoch = 0
        var centroids: ClassCentroids
        if let path, FileManager.default.fileExists(atPath: path) {
            let checkpoint = try Checkpoint(contentsOf: path, identity, kind: options.optimizer)
            parameters = checkpoint.parameters
            optimizer = checkpoint.optimizer
            centroids = checkpoint.centroids
            epoch = checkpoint.epochs
            self.checkpoint = path
        } else {
            centroids = try initialise()
        }
        while epoch < options.epochs {
            var accumulator = ClassCentroids.Accumulator()
            for (index, batch) in sampler.batches(epoch: epoch).enumerated() {
                try step(batch, epoch, index, centroids, &accumulator, log)
            }
            // Classes that no batch drew keep the centroid they had.
            centroids = accumulator.finish().updating(centroids).roundedToFloat()
            epoch += 1
            // The last step's weights have met no loss that would tell.
            guard parameters.values.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
                throw diverged(optimizer.steps - 1, "a weight is not finite")
            }
            if let path {
                try Checkpoint(epochs: epoch, parameters: parameters, optimizer: optimizer, centroids: centroids)
                    .write(to: path, identity)
                checkpoint = path
            }
        }
    }

    /// All that is trained, by name.
    private var parameters: [String: [Float]] {
        get {
            model.network.all.merging([
                TrainedModel.projectionWeight: model.projection.weight, TrainedModel.projectionBias: model.projection.bias,
            ]) { $1 }
        }
        set {
            for (name, values) in newValue {
                switch name {
                case TrainedModel.projectionWeight: model.projection.weight = values
                case TrainedModel.projectionBias: model.projection.bias = values
                default: model.network.all[name] = values
                }
            }
        }
    }

    /// The projection on the principal directions of the untrained descriptors, and the classes' centroids in it.
    private func initialise() throws -> ClassCentroids {
        try loadWeights()
        // The images come by class, and norms by the batch see many classes at once, as in training.
        var order = Array(images.indices)
        var random = SplitMix64(seed: options.seed ^ 0x696e_6974)
        random.shuffle(&order)
        var pooled: [Float] = []
        let batch = options.batch.count
        for start in stride(from: 0, to: order.count, by: batch) {
            // Batches are filled up from the beginning: norms by the batch see whole ones.
            pooled += try forward((start..<start + batch).map { images[order[$0 % order.count]] })
        }
        pooled.removeLast(pooled.count - images.count * model.channels)
        let features = Matrix(rows: images.count, columns: model.channels, elements: pooled)
        let pca = try PCAWhitening(fitting: features, components: options.dimension, whitens: false)
        let directions = pca.directions
        model.projection.weight = directions.elements.map { Float($0) }
        model.projection.bias = (0..<directions.rows).map { row in
            Float(-zip(directions.row(row), pca.mean).reduce(0) { $0 + $1.0 * $1.1 })
        }
        return try ClassCentroids(descriptors: model.project(pooled), labels: order.map { labels[$0] }).roundedToFloat()
    }

    private func step(
        _ rows: [Int], _ epoch: Int, _ index: Int, _ centroids: ClassCentroids, _ accumulator: inout ClassCentroids.Accumulator,
        _ log: (TrainingStep) throws -> Void
    ) throws {
        let started = Date(), number = optimizer.steps
        let total = sampler.batchesPerEpoch * options.epochs
        try loadWeights()
        let pooled = try forward(augmented(rows, step: number))
        let z = model.project(pooled)
        let labels = rows.map { self.labels[$0] }
        guard z.elements.allSatisfy(\.isFinite) else { throw diverged(number, "a descriptor is not finite") }
        let loss = try options.loss.evaluate(z, labels: labels, dcl: options.dcl, centroids: centroids)
        guard loss.value.isFinite, loss.gradient.elements.allSatisfy(\.isFinite) else {
            throw diverged(number, "the loss is \(loss.value)")
        }
        try accumulator.add(z, labels: labels)
        let (dPooled, dWeight, dBias) = model.projectBackward(loss.gradient, pooled: pooled)
        var gradients = model.network.gradients(of: try backward(dPooled))
        gradients[TrainedModel.projectionWeight] = dWeight
        gradients[TrainedModel.projectionBias] = dBias
        let length = clip(&gradients, to: options.clipping)
        guard length.isFinite else { throw diverged(number, "a gradient is not finite") }
        let rate = options.rate(step: number, of: total)
        var updated = parameters
        let shapes = model.network.shapes
        optimizer.step(&updated, gradients) { name in
            Float(name.hasPrefix("projection.") ? rate * options.projectionRate : rate)
        } decay: { name in
            name == TrainedModel.projectionWeight || (shapes[name]?.count ?? 1) > 1 ? Float(options.weightDecay) : 0
        }
        parameters = updated
        if options.batchNorm == .batch { try followStatistics() }
        try log(
            TrainingStep(
                step: number, of: total, epoch: epoch, loss: Double(loss.value), gradientLength: length, learningRate: rate,
                images: rows.count, seconds: Date().timeIntervalSince(started)))
    }

    private func diverged(_ step: Int, _ reason: String) -> TrainingError {
        // A checkpoint goes on with its own options alone.
        TrainingError(
            operation: "train past", subject: "step \(step)",
            reason: "\(reason); " + (checkpoint.map { "remove \($0) and " } ?? "") + "begin with a lower learning rate", code: .diverged)
    }

    private func augmented(_ rows: [Int], step: Int) -> [TileImage] {
        rows.enumerated().map { place, row in
            var random = SplitMix64(seed: options.seed ^ 0x6175_676d, stream: UInt64(step * rows.count + place))
            return options.augmentation.apply(to: images[row], using: &random)
        }
    }

    // MARK: Shards

    private func loadWeights() throws {
        let parameters = model.network.convolutions(options.batchNorm)
        for pending in shards.map({ shard in shard.begin { try $0.load(parameters) } }) { try pending.wait() }
    }

    private func followStatistics() throws {
        let seen = try shards.map { shard in shard.begin { $0.statistics } }.map { try $0.wait() }
        model.network.follow(
            seen[0].indices.map { layer in
                let all = seen.compactMap { $0[layer] }
                return all.isEmpty ? nil : ChannelStatistics.average(all)
            })
    }

    /// The pooled features of a whole batch, in its order.
    private func forward(_ images: [TileImage]) throws -> [Float] {
        let channels = model.channels
        let pending = zip(shards, places).map { shard, places in
            let part = places.map { images[$0] }
            return shard.begin { try $0.forward(part) }
        }
        var pooled = [Float](repeating: 0, count: images.count * channels)
        for (part, places) in zip(pending, places) {
            let rows = try part.wait()
            for (row, place) in places.enumerated() {
                pooled.replaceSubrange(place * channels..<(place + 1) * channels, with: rows[row * channels..<(row + 1) * channels])
            }
        }
        return pooled
    }

    private func backward(_ dPooled: [Float]) throws -> [ConvolutionParameters] {
        let channels = model.channels
        let pending = zip(shards, places).map { shard, places in
            let part = places.flatMap { dPooled[$0 * channels..<($0 + 1) * channels] }
            return shard.begin { try $0.backward(part) }
        }
        let parts = try pending.map { try $0.wait() }
        return parts.dropFirst().reduce(parts[0]) { sum, part in zip(sum, part).map(+) }
    }
}

extension ClassCentroids {
    /// These, and of classes that they lack the earlier ones.
    func updating(_ earlier: ClassCentroids) -> ClassCentroids {
        let missing = earlier.labels.indices.filter { !labels.contains(earlier.labels[$0]) }
        guard !missing.isEmpty else { return self }
        let joined = labels + missing.map { earlier.labels[$0] }
        let order = joined.indices.sorted { joined[$0] < joined[$1] }
        let rows = centroids.elements + missing.flatMap { earlier.centroids.row($0) }
        let all = Matrix(rows: joined.count, columns: centroids.columns, elements: rows)
        let counts = self.counts + missing.map { earlier.counts[$0] }
        return ClassCentroids(labels: order.map { joined[$0] }, counts: order.map { counts[$0] }, centroids: all.selecting(order))
    }
}
