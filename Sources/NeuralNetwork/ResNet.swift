/// ResNet (He et al. 2016), with the stride of a bottleneck in its 3×3 convolution; weights named as in torchvision.
func resNet(blocks: [Int], bottleneck: Bool, side: Int) -> NetworkGraph {
    var builder = GraphBuilder()
    var x = GraphBuilder.Value(index: 0, channels: 3, side: side)
    x = builder.convolution(
        "conv1", norm: "bn1", x, to: 64, kernel: 7, stride: 2, padding: .symmetric(3), activation: .relu)
    x = builder.maxPooling(x, kernel: 3, stride: 2, padding: 1)
    for (stage, count) in blocks.enumerated() {
        let width = 64 << stage
        for block in 0..<count {
            let name = "layer\(stage + 1).\(block)"
            let stride = stage > 0 && block == 0 ? 2 : 1
            x = bottleneck
                ? bottleneckBlock(&builder, name, x, width: width, stride: stride)
                : basicBlock(&builder, name, x, width: width, stride: stride)
        }
    }
    return NetworkGraph(
        side: side, nodes: builder.nodes, featureChannels: x.channels, normEpsilon: 1e-5, classifier: "fc")
}

private func basicBlock(
    _ builder: inout GraphBuilder, _ name: String, _ x: GraphBuilder.Value, width: Int, stride: Int
) -> GraphBuilder.Value {
    let y = builder.convolution(
        "\(name).conv1", norm: "\(name).bn1", x, to: width, kernel: 3, stride: stride, padding: .symmetric(1),
        activation: .relu)
    let residual = shortcut(&builder, name, x, to: width, stride: stride)
    return builder.convolution(
        "\(name).conv2", norm: "\(name).bn2", y, to: width, kernel: 3, padding: .symmetric(1), activation: .relu,
        residual: residual)
}

private func bottleneckBlock(
    _ builder: inout GraphBuilder, _ name: String, _ x: GraphBuilder.Value, width: Int, stride: Int
) -> GraphBuilder.Value {
    var y = builder.convolution(
        "\(name).conv1", norm: "\(name).bn1", x, to: width, kernel: 1, padding: .symmetric(0), activation: .relu)
    y = builder.convolution(
        "\(name).conv2", norm: "\(name).bn2", y, to: width, kernel: 3, stride: stride, padding: .symmetric(1),
        activation: .relu)
    let residual = shortcut(&builder, name, x, to: width * 4, stride: stride)
    return builder.convolution(
        "\(name).conv3", norm: "\(name).bn3", y, to: width * 4, kernel: 1, padding: .symmetric(0),
        activation: .relu, residual: residual)
}

private func shortcut(
    _ builder: inout GraphBuilder, _ name: String, _ x: GraphBuilder.Value, to channels: Int, stride: Int
) -> GraphBuilder.Value {
    guard stride != 1 || x.channels != channels else { return x }
    return builder.convolution(
        "\(name).downsample.0", norm: "\(name).downsample.1", x, to: channels, kernel: 1, stride: stride,
        padding: .symmetric(0), activation: .none)
}
