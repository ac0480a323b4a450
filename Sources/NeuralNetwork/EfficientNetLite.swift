/// EfficientNet-Lite (Tan & Le 2019; efficientnet_lite_builder.py of the TensorFlow original): inverted residual
/// blocks with ReLU6 and without squeeze-excitation. The stem, the first and last stage's depth and the head are not
/// scaled. Weights are named as in the PyTorch port (`_blocks.3._expand_conv.weight`).
func efficientNetLite(width: Double, depth: Double, side: Int) -> NetworkGraph {
    struct Stage { let repeats, kernel, stride, expansion, channels: Int }
    let stages = [
        Stage(repeats: 1, kernel: 3, stride: 1, expansion: 1, channels: 16),
        Stage(repeats: 2, kernel: 3, stride: 2, expansion: 6, channels: 24),
        Stage(repeats: 2, kernel: 5, stride: 2, expansion: 6, channels: 40),
        Stage(repeats: 3, kernel: 3, stride: 2, expansion: 6, channels: 80),
        Stage(repeats: 3, kernel: 5, stride: 1, expansion: 6, channels: 112),
        Stage(repeats: 4, kernel: 5, stride: 2, expansion: 6, channels: 192),
        Stage(repeats: 1, kernel: 3, stride: 1, expansion: 6, channels: 320),
    ]
    var builder = GraphBuilder()
    var x = GraphBuilder.Value(index: 0, channels: 3, side: side)
    x = builder.convolution(
        "_conv_stem", norm: "_bn0", x, to: 32, kernel: 3, stride: 2, padding: .same, activation: .relu6)
    var block = 0
    for (i, stage) in stages.enumerated() {
        let fixed = i == 0 || i == stages.count - 1
        let repeats = fixed ? stage.repeats : Int((depth * Double(stage.repeats)).rounded(.up))
        for r in 0..<repeats {
            x = invertedResidual(
                &builder, "_blocks.\(block)", x, kernel: stage.kernel, stride: r == 0 ? stage.stride : 1,
                expansion: stage.expansion, to: roundedChannels(stage.channels, width))
            block += 1
        }
    }
    x = builder.convolution("_conv_head", norm: "_bn1", x, to: 1280, kernel: 1, padding: .same, activation: .relu6)
    return NetworkGraph(
        side: side, nodes: builder.nodes, featureChannels: x.channels, normEpsilon: 1e-3, classifier: "_fc")
}

private func invertedResidual(
    _ builder: inout GraphBuilder, _ name: String, _ x: GraphBuilder.Value, kernel: Int, stride: Int,
    expansion: Int, to channels: Int
) -> GraphBuilder.Value {
    var y = x
    if expansion > 1 {
        y = builder.convolution(
            "\(name)._expand_conv", norm: "\(name)._bn0", y, to: x.channels * expansion, kernel: 1,
            padding: .same, activation: .relu6)
    }
    y = builder.convolution(
        "\(name)._depthwise_conv", norm: "\(name)._bn1", y, to: y.channels, kernel: kernel, stride: stride,
        padding: .same, groups: y.channels, activation: .relu6)
    return builder.convolution(
        "\(name)._project_conv", norm: "\(name)._bn2", y, to: channels, kernel: 1, padding: .same,
        activation: .none, residual: stride == 1 && x.channels == channels ? x : nil)
}

/// Channels scaled by the width multiplier, to a multiple of 8, not more than a tenth below.
private func roundedChannels(_ channels: Int, _ width: Double) -> Int {
    let scaled = Double(channels) * width
    let rounded = max(8, Int(scaled + 4) / 8 * 8)
    return Double(rounded) < 0.9 * scaled ? rounded + 8 : rounded
}
