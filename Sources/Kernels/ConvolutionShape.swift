/// Rows and columns of zeros around an image.
public struct Padding: Hashable, Sendable {
    public let before: Int
    public let after: Int

    public init(before: Int, after: Int) {
        self.before = before
        self.after = after
    }

    /// The same on both sides (PyTorch's convention).
    public static func symmetric(_ width: Int) -> Padding { Padding(before: width, after: width) }

    /// TensorFlow's SAME: the output has ⌈extent / stride⌉ rows; an odd row of padding goes after.
    public static func same(extent: Int, kernel: Int, stride: Int) -> Padding {
        let output = (extent + stride - 1) / stride
        let total = max((output - 1) * stride + kernel - extent, 0)
        return Padding(before: total / 2, after: total - total / 2)
    }
}

/// The shape of a 2-D convolution: square kernel, equal strides, the same number of input and output groups.
public struct ConvolutionShape: Hashable, Sendable {
    public let batch: Int
    public let inputChannels: Int
    public let outputChannels: Int
    public let height: Int
    public let width: Int
    public let kernel: Int
    public let stride: Int
    public let vertical: Padding
    public let horizontal: Padding
    /// 1, or the number of channels (depthwise), or a divisor of both channel counts.
    public let groups: Int

    public var outputHeight: Int { (height + vertical.before + vertical.after - kernel) / stride + 1 }
    public var outputWidth: Int { (width + horizontal.before + horizontal.after - kernel) / stride + 1 }
    /// Multiply-adds of one run.
    public var multiplyAdds: Int {
        batch * outputHeight * outputWidth * outputChannels * (inputChannels / groups) * kernel * kernel
    }

    public init(
        batch: Int, inputChannels: Int, outputChannels: Int, height: Int, width: Int,
        kernel: Int, stride: Int = 1, vertical: Padding, horizontal: Padding, groups: Int = 1
    ) {
        precondition(batch > 0 && inputChannels > 0 && outputChannels > 0 && kernel > 0 && stride > 0 && groups > 0)
        precondition(inputChannels % groups == 0 && outputChannels % groups == 0, "channels not divisible by groups")
        precondition(height + vertical.before + vertical.after >= kernel, "a kernel taller than its input")
        precondition(width + horizontal.before + horizontal.after >= kernel, "a kernel wider than its input")
        self.batch = batch
        self.inputChannels = inputChannels
        self.outputChannels = outputChannels
        self.height = height
        self.width = width
        self.kernel = kernel
        self.stride = stride
        self.vertical = vertical
        self.horizontal = horizontal
        self.groups = groups
    }
}

extension ConvolutionShape: CustomStringConvertible {
    public var description: String {
        "\(batch)×\(inputChannels)×\(height)×\(width) → \(outputChannels)×\(outputHeight)×\(outputWidth), "
            + "kernel \(kernel), stride \(stride)" + (groups > 1 ? ", \(groups) groups" : "")
    }
}

extension ConvolutionShape {
    /// The same convolution over another number of images.
    public func withBatch(_ batch: Int) -> ConvolutionShape {
        ConvolutionShape(
            batch: batch, inputChannels: inputChannels, outputChannels: outputChannels, height: height, width: width,
            kernel: kernel, stride: stride, vertical: vertical, horizontal: horizontal, groups: groups)
    }
}
