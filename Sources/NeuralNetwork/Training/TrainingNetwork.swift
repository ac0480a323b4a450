import Kernels

/// A network compiled for training on one thread: a forward pass that keeps every value, and a backward pass that adds up the
/// gradients. Its batch norms are folded into the convolutions, or normalise each part by its own statistics.
///
/// A batch is computed in parts of a few images, so that a layer's values are still in the cache when the next layer reads
/// them; gradients of one part reuse the memory of the last. Use it on the thread that made it.
public final class TrainingNetwork {
    public let graph: NetworkGraph
    /// Images of one part.
    public let partSize: Int
    public let parts: Int

    private let layers: [TrainableConvolution]
    private let gradientOfFeatures: Tensor
    private let compiled: [TrainingCompiler.Part]

    /// - Throws: `KernelError` where a layer cannot be made.
    public init(
        _ graph: NetworkGraph, norms: BatchNormMode = .frozen, partSize: Int, parts: Int, on engine: Engine
    ) throws {
        precondition(partSize > 0 && parts > 0, "\(parts) parts of \(partSize)")
        self.graph = graph
        self.partSize = partSize
        self.parts = parts
        let compiler = try TrainingCompiler(graph: graph, partSize: partSize, norms: norms, engine: engine)
        layers = compiler.layers.compactMap(\.self)
        gradientOfFeatures = compiler.gradients.last!!
        compiled = try (0..<parts).map { _ in try compiler.part() }
    }

    /// partSize × 3 × side × side, channels last: write it before `forward`.
    public func input(of part: Int) -> Tensor { compiled[part].values[0] }
    /// partSize × channels × height × width of the last feature map.
    public func features(of part: Int) -> Tensor { compiled[part].values.last! }
    /// ∂L/∂features of the part that `backward` is called for next: write it before.
    public var dFeatures: Tensor { gradientOfFeatures }

    /// Takes new parameters: one per convolution, in the graph's order.
    public func load(_ parameters: [ConvolutionParameters]) throws {
        precondition(parameters.count == layers.count, "\(parameters.count) weights for \(layers.count) convolutions")
        for (layer, parameters) in zip(layers, parameters) { try layer.load(parameters) }
    }

    public func forward(_ part: Int) throws {
        for step in compiled[part].forward { try step.execute() }
    }

    /// Adds this part's gradients to the sums.
    public func backward(_ part: Int) throws {
        for step in compiled[part].backward { try step.execute() }
    }

    public func clearGradients() {
        for layer in layers { layer.clearGradients() }
    }

    /// ∂L/∂parameters, summed over the parts since `clearGradients`, in the graph's order.
    public func gradients() throws -> [ConvolutionParameters] { try layers.map { try $0.gradients() } }

    /// What each convolution's norm saw in the last forward passes, averaged over the parts; nil where it is folded or absent.
    public var statistics: [ChannelStatistics?] {
        graph.nodes.indices.compactMap { index -> ChannelStatistics?? in
            guard case .convolution(let layer) = graph.nodes[index].operation else { return nil }
            let count = Float(partSize * layer.shape.outputHeight * layer.shape.outputWidth)
            let seen = compiled.compactMap { part in
                part.norms[index].map { norm in
                    ChannelStatistics(mean: norm.mean, variance: norm.variance.map { $0 * count / max(1, count - 1) })
                }
            }
            return .some(seen.isEmpty ? nil : .average(seen))
        }
    }
}
