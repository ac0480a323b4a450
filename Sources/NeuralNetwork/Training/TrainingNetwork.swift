import Kernels

/// A network compiled for training on one thread, its batch norms folded into the convolutions (frozen statistics): a forward
/// pass that keeps every value, and a backward pass that adds up the gradients of the folded weights.
///
/// A batch is computed in parts of a few images, so that a layer's values are still in the cache when the next layer reads
/// them; gradients of one part reuse the memory of the last. Use it on the thread that made it.
public final class TrainingNetwork {
    public let graph: NetworkGraph
    /// Images of one part.
    public let partSize: Int
    public let parts: Int

    private let layers: [TrainableConvolution]
    private let values: [[Tensor]]
    private let gradientOfFeatures: Tensor
    private let forwardSteps: [[any Step]]
    private let backwardSteps: [[any Step]]

    /// - Throws: `KernelError` where a layer cannot be made.
    public init(_ graph: NetworkGraph, partSize: Int, parts: Int, on engine: Engine) throws {
        precondition(partSize > 0 && parts > 0, "\(parts) parts of \(partSize)")
        self.graph = graph
        self.partSize = partSize
        self.parts = parts
        let compiler = try TrainingCompiler(graph: graph, partSize: partSize, engine: engine)
        layers = compiler.layers.compactMap(\.self)
        gradientOfFeatures = compiler.gradients.last!!
        let compiled = try (0..<parts).map { _ in try compiler.part() }
        values = compiled.map(\.values)
        forwardSteps = compiled.map(\.forward)
        backwardSteps = compiled.map(\.backward)
    }

    /// partSize × 3 × side × side, channels last: write it before `forward`.
    public func input(of part: Int) -> Tensor { values[part][0] }
    /// partSize × channels × height × width of the last feature map.
    public func features(of part: Int) -> Tensor { values[part].last! }
    /// ∂L/∂features of the part that `backward` is called for next: write it before.
    public var dFeatures: Tensor { gradientOfFeatures }

    /// Takes new weights: one per convolution, in the graph's order.
    public func load(_ folded: [FoldedConvolution]) throws {
        precondition(folded.count == layers.count, "\(folded.count) weights for \(layers.count) convolutions")
        for (layer, weights) in zip(layers, folded) { try layer.load(weights) }
    }

    public func forward(_ part: Int) throws {
        for step in forwardSteps[part] { try step.execute() }
    }

    /// Adds this part's gradients to the sums.
    public func backward(_ part: Int) throws {
        for step in backwardSteps[part] { try step.execute() }
    }

    public func clearGradients() {
        for layer in layers { layer.clearGradients() }
    }

    /// ∂L/∂(folded weights and bias), summed over the parts since `clearGradients`, in the graph's order.
    public func gradients() throws -> [FoldedConvolution] { try layers.map { try $0.gradients() } }
}
