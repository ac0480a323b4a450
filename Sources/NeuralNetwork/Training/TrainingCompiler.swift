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

    init(graph: NetworkGraph, partSize: Int, norms: BatchNormMode, engine: Engine) throws {
        self.graph = graph
        self.partSize = partSize
        self.engine = engine
        layers = try graph.nodes.map { node in
            guard case .convolution(let layer) = node.operation else { return nil }
            return try TrainableConvolution(layer, layer.shape.withBatch(partSize), isFirst: node.input == 0, norms: norms, on: engine)
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

    /// A part's values, steps, and for each convolution its norm where that is not folded.
    struct Part {
        let values: [Tensor]
        /// What convolutions give before their norms; one per value.
        let unnormalised: [Tensor?]
        let norms: [BatchNormalization?]
        var forward: [any Step] = []
        var backward: [any Step] = []
    }

    /// The steps of one part, over values of its own.
    func part() throws -> Part {
        let norms = layers.map { $0?.normalization(epsilon: graph.normEpsilon) }
        let unnormalised = try zip([nil] + norms, descriptors).map { norm, descriptor in
            try norm.map { _ in try Tensor(descriptor, on: engine) }
        }
        var part = Part(
            values: try descriptors.map { try Tensor($0, on: engine) }, unnormalised: unnormalised, norms: norms)
        for index in graph.nodes.indices { part.forward += try forwardSteps(index, part) }
        var written = Set([graph.nodes.count])
        for index in graph.nodes.indices.reversed() { part.backward += try backwardSteps(index, part, &written) }
        return part
    }

    private func forwardSteps(_ index: Int, _ part: Part) throws -> [any Step] {
        let node = graph.nodes[index], values = part.values
        let input = values[node.input], output = values[index + 1]
        switch node.operation {
        case .maxPooling(let shape):
            let pooling = try MaxPooling(shape.withBatch(partSize), type: .float32, on: engine)
            return [try pooling.bound(input: input, output: output, scratchpad: scratchpad)]
        case .convolution(let convolution):
            let sum = part.unnormalised[index + 1] ?? output
            let step = try layers[index]!.forwardStep(
                convolution.shape.withBatch(partSize), input: input, output: sum, scratchpad: scratchpad)
            let residual = convolution.residual.map { values[$0] }
            if let norm = part.norms[index] {
                return [step, norm.forward(sum, residual: residual, activation: convolution.activation, output: output)]
            }
            // The sum is in place, and the value that is added to is needed again in the backward pass.
            return residual.map { [Copy($0, to: output), step] } ?? [step]
        }
    }

    /// - Parameter written: the values that have a gradient already: what comes is added to it.
    private func backwardSteps(_ index: Int, _ part: Part, _ written: inout Set<Int>) throws -> [any Step] {
        let node = graph.nodes[index], values = part.values
        let output = values[index + 1], dOutput = gradients[index + 1]!
        switch node.operation {
        case .maxPooling(let shape):
            return try storing(node.input, &written) { dInput in
                MaxPoolingBackward(
                    shape.withBatch(partSize), input: values[node.input], output: output, dOutput: dOutput, dInput: dInput)
            }
        case .convolution(let convolution):
            let shape = convolution.shape.withBatch(partSize), layer = layers[index]!
            var steps = [layer.maskStep(dOutput: dOutput, output: output)]
            if let residual = convolution.residual {
                steps += written.insert(residual).inserted
                    ? [Copy(dOutput, to: gradients[residual]!)] : [Addition(to: gradients[residual]!, of: dOutput)]
            }
            if let norm = part.norms[index] {
                steps.append(norm.backward(dOutput, input: part.unnormalised[index + 1]!))
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
