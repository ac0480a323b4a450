import Kernels

/// A convolution's weights and bias with its batch norm folded in:
/// w' = w · γ/√(σ² + ε), b' = β − μ · γ/√(σ² + ε).
struct FoldedConvolution {
    let weights: [Float]
    let bias: [Float]

    /// - Throws: `ModelFileError` where the file lacks a tensor or has another shape.
    init(_ layer: NetworkGraph.Convolution, from file: SafeTensors, epsilon: Float) throws {
        let shape = layer.shape
        let perGroup = shape.inputChannels / shape.groups
        var weights = try file.values(
            "\(layer.name).weight", shape: [shape.outputChannels, perGroup, shape.kernel, shape.kernel])
        guard let norm = layer.norm else {
            self.weights = weights
            bias = try file.values("\(layer.name).bias", shape: [shape.outputChannels])
            return
        }
        let gamma = try file.values("\(norm).weight", shape: [shape.outputChannels])
        let beta = try file.values("\(norm).bias", shape: [shape.outputChannels])
        let mean = try file.values("\(norm).running_mean", shape: [shape.outputChannels])
        let variance = try file.values("\(norm).running_var", shape: [shape.outputChannels])
        var bias = beta
        let perOutput = perGroup * shape.kernel * shape.kernel
        for channel in 0..<shape.outputChannels {
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
}
