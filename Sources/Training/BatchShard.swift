import Kernels
import MetricLearning
import NeuralNetwork
import TileGrid

/// One thread's share of every batch: its images through the network, and their gradients back.
final class BatchShard {
    private let engine: Engine
    private let network: TrainingNetwork
    private let resampler: ImageResampler
    private let pooling: GlobalPooling
    private let pooled: [Tensor]
    private let dPooled: Tensor

    init(
        _ graph: NetworkGraph, norms: BatchNormMode, pooling: GlobalPooling, mean: [Float], std: [Float], images: Int
    ) throws {
        engine = try Engine(threads: 1)
        // Two images at once: with one oneDNN's kernels have too little to share, with more the values leave the cache. A norm
        // by the batch's statistics needs all of them.
        let partSize = norms == .batch ? images : images % 2 == 0 ? 2 : 1
        network = try TrainingNetwork(graph, norms: norms, partSize: partSize, parts: images / partSize, on: engine)
        resampler = ImageResampler(side: graph.side, mean: mean, std: std)
        self.pooling = pooling
        let engine = self.engine
        pooled = try (0..<network.parts).map { _ in
            try Tensor(.matrix(rows: partSize, columns: graph.featureChannels), on: engine)
        }
        dPooled = try Tensor(.matrix(rows: partSize, columns: graph.featureChannels), on: engine)
    }

    /// Takes the weights of the step to come.
    func load(_ parameters: [ConvolutionParameters]) throws { try network.load(parameters) }

    /// What the norms saw in the last forward pass, where they are not frozen.
    var statistics: [ChannelStatistics?] { network.statistics }

    /// The pooled features of at most as many images as the shard was made for, a row each.
    func forward(_ images: [TileImage]) throws -> [Float] {
        var rows: [Float] = []
        for part in 0..<(images.count + network.partSize - 1) / network.partSize {
            let places = part * network.partSize..<min(images.count, (part + 1) * network.partSize)
            for (place, image) in images[places].enumerated() {
                resampler.write(
                    image.pixels, width: image.width, height: image.height, into: network.input(of: part), at: place)
            }
            try network.forward(part)
            pool(network.features(of: part), by: pooling, into: pooled[part])
            pooled[part].append(rows: places.count, to: &rows)
        }
        return rows
    }

    /// The gradients of the parameters, from those of the pooled features of the last `forward`, which filled the shard.
    func backward(_ dRows: [Float]) throws -> [ConvolutionParameters] {
        network.clearGradients()
        let count = dPooled.descriptor.elementCount
        precondition(dRows.count == count * network.parts, "gradients of \(dRows.count) features")
        for part in 0..<network.parts {
            dPooled.assign(dRows[part * count..<(part + 1) * count])
            poolBackward(
                network.dFeatures, dPooled, input: network.features(of: part), pooled: pooled[part], by: pooling)
            try network.backward(part)
        }
        return try network.gradients()
    }
}
