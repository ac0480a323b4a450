import Kernels

/// A network compiled for inference with a fixed batch: batch norms folded, every intermediate in one arena, one fused
/// primitive per convolution. Running it allocates nothing. Use it on the thread that made it.
public final class InferenceNetwork {
    public let graph: NetworkGraph
    public let batch: Int
    /// batch × 3 × side × side, channels last, in the network's element type: write it, then `run()`.
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

/// Turns a graph into bound primitives.
private struct NetworkCompiler {
    let graph: NetworkGraph
    let weights: SafeTensors
    let packed: PackedWeights
    let type: ElementType
    let batch: Int
    let engine: Engine

    enum Kernel {
        case convolution(Convolution, NetworkGraph.Convolution)
        case depthwise(NetworkGraph.Convolution)
        case maxPooling(MaxPooling)

        var scratchpadBytes: Int {
            switch self {
            case .convolution(let kernel, _): kernel.scratchpadBytes
            case .depthwise: 0
            case .maxPooling(let kernel): kernel.scratchpadBytes
            }
        }
    }

    func compile() throws -> (input: Tensor, features: Tensor, steps: [any Step]) {
        let descriptors = valueDescriptors()
        let plan = MemoryPlan(
            sizes: descriptors.map(\.byteCount),
            readers: graph.nodes.map { node in [node.input] + (residual(node).map { [$0] } ?? []) },
            aliases: graph.nodes.map(residual))
        let arena = Storage(byteCount: plan.byteCount)
        let values = try zip(descriptors, plan.offsets).map { try Tensor($0, in: arena, at: $1, on: engine) }
        let kernels = try graph.nodes.map(kernel)
        let scratchpad = Storage(byteCount: kernels.map(\.scratchpadBytes).max() ?? 0)
        let steps = try zip(graph.nodes, kernels).enumerated().map { index, pair in
            try bind(pair.1, input: values[pair.0.input], output: values[index + 1], scratchpad)
        }
        let last = values.last!
        guard last.descriptor.elementType != .float32 else { return (values[0], last, steps) }
        // A network that ends in a residual sum ends in bfloat16 (the sum is in place); pooling wants float32.
        let extents = last.descriptor.dimensions
        let features = try Tensor(
            .images(batch: batch, channels: extents[1], height: extents[2], width: extents[3]), on: engine)
        return (values[0], features, steps + [try boundReorder(last, into: features, on: engine)])
    }

    private func residual(_ node: NetworkGraph.Node) -> Int? {
        if case .convolution(let layer) = node.operation { layer.residual } else { nil }
    }

    /// A residual sum has the type of what it adds to; the last feature map is float32 otherwise, so that pooling
    /// starts from unrounded values.
    private func outputType(_ node: NetworkGraph.Node) -> ElementType {
        node == graph.nodes.last && residual(node) == nil ? .float32 : type
    }

    private func valueDescriptors() -> [TensorDescriptor] {
        [.images(batch: batch, channels: 3, height: graph.side, width: graph.side, type)]
            + graph.nodes.map { node in
                let shape =
                    switch node.operation {
                    case .convolution(let layer): layer.shape
                    case .maxPooling(let shape): shape
                    }
                return .images(
                    batch: batch, channels: shape.outputChannels, height: shape.outputHeight,
                    width: shape.outputWidth, outputType(node))
            }
    }

    private func kernel(_ node: NetworkGraph.Node) throws -> Kernel {
        switch node.operation {
        case .convolution(let layer):
            if DepthwiseConvolution.supports(layer.shape), layer.residual == nil, outputType(node) == type {
                return .depthwise(layer)
            }
            return .convolution(
                try Convolution(
                    layer.shape.withBatch(batch), type: type, outputType: outputType(node),
                    accumulating: layer.residual != nil, activation: layer.activation, on: engine), layer)
        case .maxPooling(let shape):
            return .maxPooling(try MaxPooling(shape.withBatch(batch), type: type, on: engine))
        }
    }

    private func bind(_ kernel: Kernel, input: Tensor, output: Tensor, _ scratchpad: Storage) throws -> any Step {
        switch kernel {
        case .maxPooling(let pooling):
            return try pooling.bound(input: input, output: output, scratchpad: scratchpad)
        case .depthwise(let layer):
            lazy var folded = Result { try FoldedConvolution(layer, from: weights, epsilon: graph.normEpsilon) }
            let filters = try packed.tensor(
                "\(layer.name).weight", as: DepthwiseConvolution.weightsDescriptor(layer.shape),
                from: DepthwiseConvolution.plainDescriptor(layer.shape), on: engine
            ) { try folded.get().weights }
            return DepthwiseConvolution(
                layer.shape.withBatch(batch), activation: layer.activation, input: input, weights: filters,
                bias: try bias(layer) { try folded.get() }, output: output)
        case .convolution(let convolution, let layer):
            lazy var folded = Result { try FoldedConvolution(layer, from: weights, epsilon: graph.normEpsilon) }
            let filters = try packed.tensor(
                "\(layer.name).weight", as: convolution.weightsDescriptor, from: .filters(layer.shape), on: engine
            ) {
                let folded = try folded.get()
                return type == .bfloat16 ? folded.roundedForBFloat16(layer.shape) : folded.weights
            }
            return try convolution.bound(
                input: input, weights: filters, bias: bias(layer) { try folded.get() }, output: output,
                scratchpad: scratchpad)
        }
    }

    private func bias(_ layer: NetworkGraph.Convolution, _ folded: () throws -> FoldedConvolution) throws -> Tensor {
        let descriptor = TensorDescriptor.vector(layer.shape.outputChannels)
        return try packed.tensor("\(layer.name).bias", as: descriptor, from: descriptor, on: engine) {
            try folded().bias
        }
    }
}
