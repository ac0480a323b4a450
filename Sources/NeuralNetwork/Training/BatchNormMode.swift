/// What batch norms do in training. Their scale and shift are trained either way.
public enum BatchNormMode: String, CaseIterable, Hashable, Sendable, Codable {
    /// They keep the pretrained network's running statistics, folded into the convolutions.
    case frozen
    /// They normalise by the statistics of the images that are computed together (a thread's share of the batch: ghost batch
    /// norm, Hoffer et al. 2017), and running statistics follow for inference.
    case batch
}

/// What training changes in one convolution and its norm, or the gradients of that.
public struct ConvolutionParameters: Sendable {
    /// Output channels × input channels per group × height × width.
    public let weights: [Float]
    /// The norm's γ; nil without a norm, or where it is folded into `weights`.
    public let scale: [Float]?
    /// The norm's β, or the bias.
    public let bias: [Float]

    /// Element by element.
    public static func + (a: ConvolutionParameters, b: ConvolutionParameters) -> ConvolutionParameters {
        ConvolutionParameters(
            weights: zip(a.weights, b.weights).map(+), scale: a.scale.map { zip($0, b.scale!).map(+) },
            bias: zip(a.bias, b.bias).map(+))
    }
}

/// Mean and variance of each channel before a norm.
public struct ChannelStatistics: Sendable {
    public var mean: [Float]
    /// Unbiased, as running statistics are.
    public var variance: [Float]

    /// The mean of several, in their order.
    public static func average(_ all: [ChannelStatistics]) -> ChannelStatistics {
        func average(_ part: KeyPath<ChannelStatistics, [Float]>) -> [Float] {
            let first = all[0][keyPath: part]
            return all.dropFirst().reduce(first) { sum, one in zip(sum, one[keyPath: part]).map(+) }.map { $0 / Float(all.count) }
        }
        return ChannelStatistics(mean: average(\.mean), variance: average(\.variance))
    }
}
