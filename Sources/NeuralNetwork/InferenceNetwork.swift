import Kernels

/// A network compiled for inference with a fixed batch: batch norms folded, every intermediate in one arena, one fused
/// primitive per convolution. Running it allocates nothing. Use it on the thread that made it.
public final class InferenceNetwork {
    public let graph: NetworkGraph
    public let batch: Int
    /// batch × 3 × side × side, channels last, float32 or the network's type, as its first layer wants: write it, `run()`.
    public let input: Tensor
    /// batch × channels × height × width of the last feature map, channels last, float32.
    public let features: Tensor

    private let steps: [any Step]

    /// - Parameters:
    ///   - weights: where the named weights come from.
    ///   - packed: weights already packed by networks of the same graph, file and type on other threads.
    /// - Throws: `ModelFileError` where weights are missing or misshapen, `KernelError` where a layer cannot be made.
    public init(
        _ graph: NetworkGraph, weights: SafeTensors, sharing packed: PackedWeights, type: ElementType, batch: Int,
        on engine: Engine
    ) throws {
        precondition(batch > 0, "a batch of \(batch)")
        self.graph = graph
        self.batch = batch
        let builder = NetworkCompiler(
            graph: graph, weights: weights, packed: packed, type: type, batch: batch, engine: engine)
        let compiled = try builder.compile()
        input = compiled.input
        features = compiled.features
        steps = compiled.steps
    }

    /// Computes `features` from `input`.
    public func run() throws {
        for step in steps { try step.execute() }
    }
}
