import Kernels

/// A convolutional network as data: what is computed from what, and which weights it takes.
///
/// Value 0 is the input image; node i makes value i + 1.
public struct NetworkGraph: Hashable, Sendable {
    /// A convolution, its batch norm (folded into it for inference), and what follows in the same pass.
    public struct Convolution: Hashable, Sendable {
        /// Prefix of the weights' names: `<name>.weight`, and `<name>.bias` where `norm` is nil.
        public let name: String
        /// Prefix of the batch norm's names, or nil.
        public let norm: String?
        /// With batch 1.
        public let shape: ConvolutionShape
        public let activation: Activation
        /// The value that is added before the activation.
        public let residual: Int?
    }

    public enum Operation: Hashable, Sendable {
        case convolution(Convolution)
        case maxPooling(ConvolutionShape)
    }

    public struct Node: Hashable, Sendable {
        public let operation: Operation
        public let input: Int
    }

    public let side: Int
    public let nodes: [Node]
    /// Channels of the last feature map.
    public let featureChannels: Int
    /// Added to the variance in batch norm.
    public let normEpsilon: Float
    /// Prefix of the classifier's weights (`.weight`, `.bias`), present in a file or not.
    public let classifier: String

    /// Multiply-adds for one image.
    public var multiplyAdds: Int {
        nodes.reduce(0) { sum, node in
            if case .convolution(let c) = node.operation { sum + c.shape.multiplyAdds } else { sum }
        }
    }
}

/// Builds a graph node by node, keeping track of extents.
struct GraphBuilder {
    struct Value {
        let index: Int
        let channels: Int
        let side: Int
    }

    enum PaddingRule {
        /// TensorFlow's SAME.
        case same
        case symmetric(Int)

        func padding(extent: Int, kernel: Int, stride: Int) -> Padding {
            switch self {
            case .same: .same(extent: extent, kernel: kernel, stride: stride)
            case .symmetric(let width): .symmetric(width)
            }
        }
    }

    private(set) var nodes: [NetworkGraph.Node] = []

    mutating func convolution(
        _ name: String, norm: String, _ input: Value, to channels: Int, kernel: Int, stride: Int = 1,
        padding rule: PaddingRule, groups: Int = 1, activation: Activation, residual: Value? = nil
    ) -> Value {
        let padding = rule.padding(extent: input.side, kernel: kernel, stride: stride)
        let shape = ConvolutionShape(
            batch: 1, inputChannels: input.channels, outputChannels: channels, height: input.side,
            width: input.side, kernel: kernel, stride: stride, vertical: padding, horizontal: padding,
            groups: groups)
        nodes.append(.init(
            operation: .convolution(.init(
                name: name, norm: norm, shape: shape, activation: activation, residual: residual?.index)),
            input: input.index))
        return Value(index: nodes.count, channels: channels, side: shape.outputHeight)
    }

    mutating func maxPooling(_ input: Value, kernel: Int, stride: Int, padding: Int) -> Value {
        let shape = ConvolutionShape(
            batch: 1, inputChannels: input.channels, outputChannels: input.channels, height: input.side,
            width: input.side, kernel: kernel, stride: stride, vertical: .symmetric(padding),
            horizontal: .symmetric(padding), groups: input.channels)
        nodes.append(.init(operation: .maxPooling(shape), input: input.index))
        return Value(index: nodes.count, channels: input.channels, side: shape.outputHeight)
    }
}

extension NetworkGraph {
    /// What the file lacks for this network, or has in another shape; nil where it is complete.
    public func missingTensor(in file: SafeTensors) -> String? {
        for node in nodes {
            guard case .convolution(let layer) = node.operation else { continue }
            let shape = layer.shape, channels = [shape.outputChannels]
            var needed = [
                "\(layer.name).weight": channels + [shape.inputChannels / shape.groups, shape.kernel, shape.kernel]
            ]
            if let norm = layer.norm {
                for part in ["weight", "bias", "running_mean", "running_var"] { needed["\(norm).\(part)"] = channels }
            } else {
                needed["\(layer.name).bias"] = channels
            }
            for (name, shape) in needed.sorted(by: { $0.key < $1.key }) {
                guard let entry = file.entries[name] else { return "no tensor \(name)" }
                if entry.shape != shape { return "tensor \(name) is \(entry.shape), not \(shape)" }
            }
        }
        return nil
    }
}
