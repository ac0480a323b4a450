import Kernels

/// A convolution's weights and bias with its batch norm folded in:
/// w' = w · γ/√(σ² + ε), b' = β − μ · γ/√(σ² + ε).
public struct FoldedConvolution: Sendable {
    /// Output channels × input channels per group × height × width.
    public let weights: [Float]
    public let bias: [Float]

    public init(weights: [Float], bias: [Float]) {
        self.weights = weights
        self.bias = bias
    }

    /// - Throws: `ModelFileError` where the file lacks a tensor or has another shape.
    init(_ layer: NetworkGraph.Convolution, from file: SafeTensors, epsilon: Float) throws {
        let shape = layer.shape
        let perGroup = shape.inputChannels / shape.groups
        let weights = try file.values(
            "\(layer.name).weight", shape: [shape.outputChannels, perGroup, shape.kernel, shape.kernel])
        guard let norm = layer.norm else {
            self.init(weights: weights, bias: try file.values("\(layer.name).bias", shape: [shape.outputChannels]))
            return
        }
        let gamma = try file.values("\(norm).weight", shape: [shape.outputChannels])
        let beta = try file.values("\(norm).bias", shape: [shape.outputChannels])
        let mean = try file.values("\(norm).running_mean", shape: [shape.outputChannels])
        let variance = try file.values("\(norm).running_var", shape: [shape.outputChannels])
        self.init(weights: weights, gamma: gamma, beta: beta, mean: mean, variance: variance, epsilon: epsilon)
    }

    init(weights: [Float], gamma: [Float], beta: [Float], mean: [Float], variance: [Float], epsilon: Float) {
        var weights = weights, bias = beta
        let perOutput = weights.count / gamma.count
        for channel in gamma.indices {
            let scale = gamma[channel] / (variance[channel] + epsilon).squareRoot()
            bias[channel] -= mean[channel] * scale
            for i in channel * perOutput..<(channel + 1) * perOutput { weights[i] *= scale }
        }
        self.weights = weights
        self.bias = bias
    }

    /// The weights rounded to bfloat16 so that each depthwise filter keeps its sum: an error of a tap is carried to the
    /// next smaller one. Rounding each tap alone shifts the mean of smooth imagery, and the shift survives pooling.
    func roundedForBFloat16(_ shape: ConvolutionShape) -> [Float] {
        let taps = shape.kernel * shape.kernel
        guard shape.groups == shape.outputChannels, shape.inputChannels == shape.groups else { return weights }
        var rounded = weights
        for channel in 0..<shape.outputChannels {
            let places = (channel * taps..<(channel + 1) * taps).sorted { abs(weights[$0]) > abs(weights[$1]) }
            var carried: Float = 0
            for place in places {
                let wanted = weights[place] + carried
                rounded[place] = BFloat16.float(BFloat16.bits(wanted))
                carried = wanted - rounded[place]
            }
        }
        return rounded
    }

    /// The same convolution with its bias moved by what rounding the weights to bfloat16 changes on an average input.
    func correctedForBFloat16(_ shape: ConvolutionShape, inputMeans: [Float]) -> FoldedConvolution {
        guard shape.groups == 1 else { return self }
        let taps = shape.kernel * shape.kernel
        var corrected = bias
        for output in 0..<shape.outputChannels {
            var lost: Float = 0
            for input in 0..<shape.inputChannels {
                let start = (output * shape.inputChannels + input) * taps
                for place in start..<start + taps {
                    lost += (weights[place] - BFloat16.float(BFloat16.bits(weights[place]))) * inputMeans[input]
                }
            }
            corrected[output] += lost
        }
        return FoldedConvolution(weights: weights, bias: corrected)
    }
}
