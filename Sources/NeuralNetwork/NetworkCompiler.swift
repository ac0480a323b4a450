import Kernels

/// Turns a graph into bound primitives.
struct NetworkCompiler {
    let graph: NetworkGraph
    let weights: SafeTensors
    let packed: PackedWeights
    let type: ElementType
    let batch: Int
    let engine: Engine

    enum Kernel {
        case convolution(Convolution, NetworkGraph.Convolution)
        case depthwise(NetworkGraph.Convolution)
        case pointwise(NetworkGraph.Convolution)
        case stem(NetworkGraph.Convolution)
        case maxPooling(MaxPooling)

        var scratchpadBytes: Int {
            switch self {
            case .convolution(let kernel, _): kernel.scratchpadBytes
            case .depthwise, .pointwise, .stem: 0
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

    /// Float32 where that costs next to nothing and bfloat16 would be felt in the descriptor: in the last feature map,
    /// so that pooling starts from unrounded values (a residual sum has the type of what it adds to), and between the
    /// stem and its depthwise convolution. Smooth imagery is nearly constant there: a channel's values are all rounded
    /// the same way, the batch norms behind amplify the difference, and no pooling averages it out. Rounding this one
    /// value takes more from the worst tile's cosine than rounding all other values together.
    private func outputType(_ node: NetworkGraph.Node) -> ElementType {
        if node == graph.nodes.last { return residual(node) == nil ? .float32 : type }
        return hasOwnStem && node.input == 0 && isReadByOwnDepthwiseAlone(node) ? .float32 : type
    }

    private func isReadByOwnDepthwiseAlone(_ node: NetworkGraph.Node) -> Bool {
        let value = graph.nodes.firstIndex(of: node)! + 1
        return graph.nodes.allSatisfy { reader in
            guard case .convolution(let layer) = reader.operation else { return reader.input != value }
            if layer.residual == value { return false }
            return reader.input != value || DepthwiseConvolution.supports(layer.shape) && layer.residual == nil
        }
    }

    /// Whether the first layer takes float32 pixels whatever the network's type.
    private var hasOwnStem: Bool {
        let readers = graph.nodes.filter { $0.input == 0 }
        guard readers.count == 1, case .convolution(let layer) = readers[0].operation else { return false }
        return layer.residual == nil && StemConvolution.supports(layer.shape)
    }

    private func valueDescriptors() -> [TensorDescriptor] {
        [.images(batch: batch, channels: 3, height: graph.side, width: graph.side, hasOwnStem ? .float32 : type)]
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
            if hasOwnStem, node.input == 0 { return .stem(layer) }
            if DepthwiseConvolution.supports(layer.shape), layer.residual == nil, outputType(node) == type {
                return .depthwise(layer)
            }
            if type == .bfloat16, PointwiseConvolution.supports(layer.shape) { return .pointwise(layer) }
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
        case .stem(let layer):
            lazy var folded = Result { try FoldedConvolution(layer, from: weights, epsilon: graph.normEpsilon) }
            let filters = try packed.tensor(
                "\(layer.name).weight", as: StemConvolution.weightsDescriptor(layer.shape),
                from: .filters(layer.shape), on: engine
            ) { try folded.get().weights }
            return StemConvolution(
                layer.shape.withBatch(batch), activation: layer.activation, input: input, weights: filters,
                bias: try bias(layer) { try folded.get() }, output: output)
        case .depthwise(let layer):
            lazy var folded = Result { try FoldedConvolution(layer, from: weights, epsilon: graph.normEpsilon) }
            let filters = try packed.tensor(
                "\(layer.name).weight", as: DepthwiseConvolution.weightsDescriptor(layer.shape),
                from: DepthwiseConvolution.plainDescriptor(layer.shape), on: engine
            ) { try folded.get().weights }
            return DepthwiseConvolution(
                layer.shape.withBatch(batch), activation: layer.activation, input: input, weights: filters,
                bias: try bias(layer) { try folded.get() }, output: output)
        case .pointwise(let layer):
            lazy var folded = Result { try FoldedConvolution(layer, from: weights, epsilon: graph.normEpsilon) }
            let filters = try packed.tensor(
                "\(layer.name).weight", as: PointwiseConvolution.weightsDescriptor(layer.shape),
                from: PointwiseConvolution.plainDescriptor(layer.shape), on: engine
            ) { PointwiseConvolution.packed(try folded.get().weights, layer.shape) }
            return PointwiseConvolution(
                layer.shape.withBatch(batch), accumulating: layer.residual != nil, activation: layer.activation,
                input: input, weights: filters, bias: try correctedBias(layer) { try folded.get() }, output: output)
        case .convolution(let convolution, let layer):
            lazy var folded = Result { try FoldedConvolution(layer, from: weights, epsilon: graph.normEpsilon) }
            let filters = try packed.tensor(
                "\(layer.name).weight", as: convolution.weightsDescriptor, from: .filters(layer.shape), on: engine
            ) {
                let folded = try folded.get()
                return type == .bfloat16 ? folded.roundedForBFloat16(layer.shape) : folded.weights
            }
            return try convolution.bound(
                input: input, weights: filters, bias: try correctedBias(layer) { try folded.get() }, output: output,
                scratchpad: scratchpad)
        }
    }

    /// The bias, moved by what rounding the weights to bfloat16 changes on average.
    private func correctedBias(
        _ layer: NetworkGraph.Convolution, _ folded: () throws -> FoldedConvolution
    ) throws -> Tensor {
        try bias(layer) {
            let folded = try folded()
            guard type == .bfloat16, let means = try inputMeans(of: layer) else { return folded }
            return folded.correctedForBFloat16(layer.shape, inputMeans: means)
        }
    }

    private func bias(_ layer: NetworkGraph.Convolution, _ folded: () throws -> FoldedConvolution) throws -> Tensor {
        let descriptor = TensorDescriptor.vector(layer.shape.outputChannels)
        return try packed.tensor("\(layer.name).bias", as: descriptor, from: descriptor, on: engine) {
            try folded().bias
        }
    }

    /// What a layer's input is on average, by channel, or nil where the batch norms do not tell.
    private func inputMeans(of layer: NetworkGraph.Convolution) throws -> [Float]? {
        guard
            let node = graph.nodes.first(where: {
                if case .convolution(let other) = $0.operation { other.name == layer.name } else { false }
            })
        else { return nil }
        return try graph.expectedMeans(of: node.input, from: weights)
    }
}
