import Kernels

/// One convolution of a network in training: its kernels, its weights in the layouts that they want, and its gradients.
final class TrainableConvolution {
    enum Forward {
        case stem, depthwise
        case general(Convolution)
    }

    let layer: NetworkGraph.Convolution
    let forward: Forward
    /// nil for the first layer, whose input is the image.
    private let inputGradient: ConvolutionBackward?
    private let weightsGradient: ConvolutionBackward?
    private let hasInputGradient: Bool

    /// As files have them; loaded before they are packed.
    private let plain: Tensor
    private let forwardWeights: Tensor
    private let backwardWeights: Tensor?
    /// The bias, or the norm's shift where that is computed apart.
    private let bias: Tensor
    private let noBias: Tensor
    /// Scale of the norm, its gradient, and the zeros that the convolution before it has for a bias; nil where it is folded.
    private let norm: (gamma: Tensor, dGamma: Tensor, noBias: Tensor)?
    /// The gradient of one part where a oneDNN primitive writes it, to be added to `dWeights`.
    private let partGradient: Tensor?
    /// Sums over the parts; `dWeights` in the plain layout, or the depthwise kernels' own.
    private let dWeights: Tensor
    private let dBias: Tensor
    private let packing: [Primitive]
    /// `dWeights` as files have them, and what brings it there; nil where it is so already.
    private let unpacking: (plain: Tensor, copy: Primitive)?
    private let engine: Engine

    /// - Parameter shape: with the batch that runs at once.
    init(
        _ layer: NetworkGraph.Convolution, _ shape: ConvolutionShape, isFirst: Bool, norms: BatchNormMode, on engine: Engine
    ) throws {
        self.layer = layer
        self.engine = engine
        hasInputGradient = !isFirst
        let normalises = norms == .batch && layer.norm != nil
        norm = try normalises
            ? (
                Tensor(.vector(shape.outputChannels), on: engine), Tensor(.vector(shape.outputChannels), on: engine),
                Tensor(.vector(shape.outputChannels), on: engine)
            ) : nil
        let adds = layer.residual != nil && !normalises
        let isDepthwise = DepthwiseBackward.supports(shape) && !adds
        if isFirst, StemConvolution.supports(shape) {
            forward = .stem
        } else if isDepthwise {
            forward = .depthwise
        } else {
            forward = .general(
                try Convolution(
                    shape, type: .float32, outputType: .float32, accumulating: adds,
                    activation: normalises ? .none : layer.activation, on: engine))
        }
        inputGradient = isFirst || isDepthwise ? nil : try ConvolutionBackward(shape, of: .input, on: engine)
        weightsGradient = isDepthwise ? nil : try ConvolutionBackward(shape, of: .weights, on: engine)

        let plainDescriptor = isDepthwise ? DepthwiseConvolution.plainDescriptor(shape) : TensorDescriptor.filters(shape)
        let plain = try Tensor(plainDescriptor, on: engine)
        let forwardDescriptor =
            switch forward {
            case .stem: StemConvolution.weightsDescriptor(shape)
            case .depthwise: DepthwiseConvolution.weightsDescriptor(shape)
            case .general(let convolution): convolution.weightsDescriptor
            }
        let forwardWeights = try Tensor(forwardDescriptor, on: engine)
        let backwardDescriptor = isDepthwise ? DepthwiseConvolution.weightsDescriptor(shape) : inputGradient?.weightsDescriptor
        let backwardWeights = try backwardDescriptor.map { try Tensor($0, on: engine) }
        packing = try [forwardWeights, backwardWeights].compactMap { packed in
            try packed.map { try boundReorder(plain, into: $0, on: engine) }
        }
        self.plain = plain
        self.forwardWeights = forwardWeights
        self.backwardWeights = backwardWeights
        bias = try Tensor(.vector(shape.outputChannels), on: engine)
        noBias = try Tensor(.vector(shape.inputChannels), on: engine)
        partGradient = try weightsGradient.map { try Tensor($0.weightsDescriptor, on: engine) }
        let dWeights = try Tensor(isDepthwise ? DepthwiseConvolution.weightsDescriptor(shape) : plainDescriptor, on: engine)
        if isDepthwise {
            let rows = try Tensor(plainDescriptor, on: engine)
            unpacking = (rows, try boundReorder(dWeights, into: rows, on: engine))
        } else {
            unpacking = nil
        }
        self.dWeights = dWeights
        dBias = try Tensor(.vector(shape.outputChannels), on: engine)
    }

    var scratchpadBytes: Int {
        var bytes = [inputGradient?.scratchpadBytes ?? 0, weightsGradient?.scratchpadBytes ?? 0]
        if case .general(let convolution) = forward { bytes.append(convolution.scratchpadBytes) }
        return bytes.max()!
    }

    /// Packs weights and bias for the steps to come.
    func load(_ parameters: ConvolutionParameters) throws {
        bias.assign(parameters.bias)
        norm?.gamma.assign(parameters.scale!)
        plain.assign(parameters.weights)
        try packing[0].execute()
        guard packing.count > 1 else { return }
        if inputGradient == nil { plain.assign(DepthwiseBackward.turned(parameters.weights, layer.shape)) }
        try packing[1].execute()
    }

    func clearGradients() {
        dWeights.clear()
        dBias.clear()
        norm?.dGamma.clear()
    }

    /// The sums of the parts' gradients, weights as files have them.
    func gradients() throws -> ConvolutionParameters {
        try unpacking?.copy.execute()
        return ConvolutionParameters(
            weights: (unpacking?.plain ?? dWeights).values, scale: norm?.dGamma.values, bias: dBias.values)
    }

    /// The norm of one part, where it is not folded into the convolution.
    func normalization(epsilon: Float) -> BatchNormalization? {
        norm.map { BatchNormalization(gamma: $0.gamma, beta: bias, dGamma: $0.dGamma, epsilon: epsilon) }
    }

    /// The step that computes `output`: without norm and activation where the norm comes apart, else with both, and `output`
    /// holds the residual already where there is one.
    func forwardStep(
        _ shape: ConvolutionShape, input: Tensor, output: Tensor, scratchpad: Storage
    ) throws -> any Step {
        let activation = norm == nil ? layer.activation : .none, bias = norm?.noBias ?? bias
        return switch forward {
        case .stem:
            StemConvolution(
                shape, activation: activation, input: input, weights: forwardWeights, bias: bias, output: output)
        case .depthwise:
            DepthwiseConvolution(
                shape, activation: activation, input: input, weights: forwardWeights, bias: bias, output: output)
        case .general(let convolution):
            try convolution.bound(
                input: input, weights: forwardWeights, bias: bias, output: output, scratchpad: scratchpad)
        }
    }

    /// Backward of activation and bias, in place: what comes after `residual` was added.
    func maskStep(dOutput: Tensor, output: Tensor) -> any Step {
        MaskGradient(dOutput, where: output, was: layer.activation, addingTo: dBias)
    }

    /// Adds ∂L/∂weights.
    func weightsSteps(
        _ shape: ConvolutionShape, input: Tensor, dOutput: Tensor, scratchpad: Storage
    ) throws -> [any Step] {
        guard let weightsGradient, let partGradient else {
            return [DepthwiseBackward.weights(shape, input: input, dOutput: dOutput, dWeights: dWeights)]
        }
        return [
            try weightsGradient.bound(input: input, weights: partGradient, dOutput: dOutput, scratchpad: scratchpad),
            try boundReorder(partGradient, into: dWeights, accumulating: true, on: engine),
        ]
    }

    /// Writes ∂L/∂input; nil for the first layer.
    func inputStep(_ shape: ConvolutionShape, dInput: Tensor, dOutput: Tensor, scratchpad: Storage) throws -> (any Step)? {
        guard hasInputGradient, let backwardWeights else { return nil }
        guard let inputGradient else {
            return DepthwiseBackward.input(
                shape, weights: backwardWeights, noBias: noBias, dOutput: dOutput, dInput: dInput)
        }
        return try inputGradient.bound(input: dInput, weights: backwardWeights, dOutput: dOutput, scratchpad: scratchpad)
    }
}
