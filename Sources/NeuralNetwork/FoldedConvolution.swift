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
}
