import Kernels

/// Turns a graph into the steps of a forward and a backward pass.
struct TrainingCompiler {
    let graph: NetworkGraph
    let partSize: Int
    let engine: Engine
    /// One per node; nil where it is no convolution.
    let layers: [TrainableConvolution?]
    /// One per value; nil for the input. All parts share them.
    let gradients: [Tensor?]
    private let descriptors: [TensorDescriptor]
    private let scratchpad: Storage
    /// For a gradient that has to be added to one that is there.
    private let addend: Storage

    init(graph: NetworkGraph, partSize: Int, engine: Engine) throws {
        self.graph = graph
        self.partSize = partSize
        self.engine = engine
        layers = try graph.nodes.map { node in
            guard case .convolution(let layer) = node.operation else { return nil }
            return try TrainableConvolution(layer, layer.shape.withBatch(partSize), isFirst: node.input == 0, on: engine)
        }
        let pooling = try graph.nodes.map { node in
            if case .maxPooling(let shape) = node.operation {
                try MaxPooling(shape.withBatch(partSize), type: .float32, on: engine).scratchpadBytes
            } else { 0 }
        }
        scratchpad = Storage(byteCount: (layers.map { $0?.scratchpadBytes ?? 0 } + pooling).max() ?? 0)
        let descriptors = [.images(batch: partSize, channels: 3, height: graph.side, width: graph.side)]
            + graph.nodes.map { node in
                TensorDescriptor.images(
                    batch: partSize, channels: node.shape.outputChannels, height: node.shape.outputHeight,
                    width: node.shape.outputWidth)
            }
        let plan = GradientPlan(sizes: descriptors.map(\.byteCount), readers: graph.nodes.map(\.reads))
        let arena = Storage(byteCount: plan.byteCount)
        gradients = try descriptors.indices.map { value in
            value == 0 ? nil : try Tensor(descriptors[value], in: arena, at: plan.offsets[value], on: engine)
        }
        addend = Storage(byteCount: descriptors.dropFirst().map(\.byteCount).max() ?? 0)
        self.descriptors = descriptors
    }

    /// The steps of one part, over values of its own.
    func part() throws -> (values: [Tensor], forward: [any Step], backward: [any Step]) {
        let values = try descriptors.map { try Tensor($0, on: engine) }
        var forward: [any Step] = [], backward: [any Step] = []
        for (index, node) in graph.nodes.enumerated() {
            forward += try forwardSteps(node, layers[index], values[node.input], values[index + 1], values)
        }
        var written = Set([graph.nodes.count])
        for (index, node) in graph.nodes.enumerated().reversed() {
            backward += try backwardSteps(node, layers[index], index + 1, values, &written)
        }
        return (values, forward, backward)
    }

    private func forwardSteps(
        _ node: NetworkGraph.Node, _ layer: TrainableConvolution?, _ input: Tensor, _ output: Tensor, _ values: [Tensor]
    ) throws -> [any Step] {
        switch node.operation {
        case .maxPooling(let shape):
            let pooling = try MaxPooling(shape.withBatch(partSize), type: .float32, on: engine)
            return [try pooling.bound(input: input, output: output, scratchpad: scratchpad)]
        case .convolution(let convolution):
            let step = try layer!.forwardStep(
                convolution.shape.withBatch(partSize), input: input, output: output, scratchpad: scratchpad)
            // The sum is in place, and the value that is added to is needed again in the backward pass.
            return convolution.residual.map { [Copy(values[$0], to: output), step] } ?? [step]
        }
    }

    /// - Parameter written: the values that have a gradient already: what comes is added to it.
    private func backwardSteps(
        _ node: NetworkGraph.Node, _ layer: TrainableConvolution?, _ value: Int, _ values: [Tensor], _ written: inout Set<Int>
    ) throws -> [any Step] {
        let dOutput = gradients[value]!
        switch node.operation {
        case .maxPooling(let shape):
            return try storing(node.input, &written) { dInput in
                MaxPoolingBackward(
                    shape.withBatch(partSize), input: values[node.input], output: values[value], dOutput: dOutput,
                    dInput: dInput)
            }
        case .convolution(let convolution):
            let shape = convolution.shape.withBatch(partSize), layer = layer!
            var steps = [layer.maskStep(dOutput: dOutput, output: values[value])]
            if let residual = convolution.residual {
                steps += written.insert(residual).inserted
                    ? [Copy(dOutput, to: gradients[residual]!)] : [Addition(to: gradients[residual]!, of: dOutput)]
            }
            steps += try layer.weightsSteps(shape, input: values[node.input], dOutput: dOutput, scratchpad: scratchpad)
            return try steps + storing(node.input, &written) { dInput in
                try layer.inputStep(shape, dInput: dInput, dOutput: dOutput, scratchpad: scratchpad)
            }
        }
    }

    /// The step that `make` makes for a gradient's tensor: the gradient itself, or one that is then added to it.
    private func storing(
        _ value: Int, _ written: inout Set<Int>, _ make: (Tensor) throws -> (any Step)?
    ) throws -> [any Step] {
        guard let gradient = gradients[value] else { return [] }
        if written.insert(value).inserted { return try make(gradient).map { [$0] } ?? [] }
        let term = try Tensor(gradient.descriptor, in: addend, on: engine)
        return try make(term).map { [$0, Addition(to: gradient, of: term)] } ?? []
    }
}

extension NetworkGraph.Node {
    /// The shape of what it computes, whatever it is.
    var shape: ConvolutionShape {
        switch operation {
        case .convolution(let layer): layer.shape
        case .maxPooling(let shape): shape
        }
    }

    /// The values that it reads.
    var reads: [Int] {
        if case .convolution(let layer) = operation, let residual = layer.residual { [input, residual] } else { [input] }
    }
}
