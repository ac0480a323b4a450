import Kernels

/// The tensors of a network by name, as its file has them, and the way between them and the convolutions that are computed with.
public struct NetworkParameters: Sendable {
    public let graph: NetworkGraph
    /// What training changes: `<convolution>.weight`, `<norm>.weight` (γ), `<norm>.bias` (β).
    public var values: [String: [Float]]
    public let shapes: [String: [Int]]
    /// What no gradient changes: `<norm>.running_mean`, `<norm>.running_var`.
    public private(set) var statistics: [String: [Float]]

    /// - Throws: `ModelFileError` where the file lacks a tensor or has another shape.
    public init(_ graph: NetworkGraph, from file: SafeTensors) throws {
        self.graph = graph
        var values: [String: [Float]] = [:], shapes: [String: [Int]] = [:], statistics: [String: [Float]] = [:]
        for layer in graph.convolutions {
            let shape = layer.shape, channels = [shape.outputChannels]
            shapes["\(layer.name).weight"] = channels + [shape.inputChannels / shape.groups, shape.kernel, shape.kernel]
            shapes["\(layer.norm ?? layer.name).bias"] = channels
            guard let norm = layer.norm else { continue }
            shapes["\(norm).weight"] = channels
            for name in ["\(norm).running_mean", "\(norm).running_var"] {
                statistics[name] = try file.values(name, shape: channels)
            }
        }
        for (name, shape) in shapes { values[name] = try file.values(name, shape: shape) }
        self.values = values
        self.shapes = shapes
        self.statistics = statistics
    }

    /// What to compute with, one per convolution, in the graph's order. Frozen norms are folded: w' = w · γ/σ, b' = β − μ · γ/σ.
    public func convolutions(_ norms: BatchNormMode) -> [ConvolutionParameters] {
        graph.convolutions.map { layer in
            let weights = values["\(layer.name).weight"]!, bias = values["\(layer.norm ?? layer.name).bias"]!
            guard let norm = layer.norm else { return ConvolutionParameters(weights: weights, scale: nil, bias: bias) }
            let gamma = values["\(norm).weight"]!
            guard norms == .frozen else { return ConvolutionParameters(weights: weights, scale: gamma, bias: bias) }
            let folded = FoldedConvolution(
                weights: weights, gamma: gamma, beta: bias, mean: statistics["\(norm).running_mean"]!,
                variance: statistics["\(norm).running_var"]!, epsilon: graph.normEpsilon)
            return ConvolutionParameters(weights: folded.weights, scale: nil, bias: folded.bias)
        }
    }

    /// Moves the running statistics towards a batch's, by a tenth, as PyTorch's.
    public mutating func follow(_ batch: [ChannelStatistics?]) {
        let momentum: Float = 0.1
        for (layer, seen) in zip(graph.convolutions, batch) {
            guard let norm = layer.norm, let seen else { continue }
            for (name, values) in [("\(norm).running_mean", seen.mean), ("\(norm).running_var", seen.variance)] {
                statistics[name] = zip(statistics[name]!, values).map { (1 - momentum) * $0 + momentum * $1 }
            }
        }
    }

    /// Everything by name, trained or not.
    public var all: [String: [Float]] {
        get { values.merging(statistics) { $1 } }
        set {
            for (name, value) in newValue {
                if statistics[name] == nil { values[name] = value } else { statistics[name] = value }
            }
        }
    }

    /// ∂L/∂values from ∂L/∂convolutions; of folded ones, with s = γ/σ: dw = s dw', dβ = db', dγ = (Σ w dw' − μ db') / σ.
    public func gradients(of gradients: [ConvolutionParameters]) -> [String: [Float]] {
        var result: [String: [Float]] = [:]
        for (layer, gradient) in zip(graph.convolutions, gradients) {
            result["\(layer.norm ?? layer.name).bias"] = gradient.bias
            guard let norm = layer.norm else {
                result["\(layer.name).weight"] = gradient.weights
                continue
            }
            if let scale = gradient.scale {
                result["\(layer.name).weight"] = gradient.weights
                result["\(norm).weight"] = scale
                continue
            }
            let weights = values["\(layer.name).weight"]!, gamma = values["\(norm).weight"]!
            let mean = statistics["\(norm).running_mean"]!, variance = statistics["\(norm).running_var"]!
            var dWeights = gradient.weights, dGamma = gradient.bias
            let fanIn = weights.count / gamma.count
            for channel in gamma.indices {
                let inverse = 1 / (variance[channel] + graph.normEpsilon).squareRoot()
                var sum: Float = 0
                for i in channel * fanIn..<(channel + 1) * fanIn {
                    sum += weights[i] * gradient.weights[i]
                    dWeights[i] = gradient.weights[i] * gamma[channel] * inverse
                }
                dGamma[channel] = (sum - mean[channel] * gradient.bias[channel]) * inverse
            }
            result["\(layer.name).weight"] = dWeights
            result["\(norm).weight"] = dGamma
        }
        return result
    }
}

extension NetworkGraph {
    /// The convolutions, in order.
    public var convolutions: [Convolution] {
        nodes.compactMap { node in
            if case .convolution(let layer) = node.operation { layer } else { nil }
        }
    }
}
