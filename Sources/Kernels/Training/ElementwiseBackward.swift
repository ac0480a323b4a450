import CKernels

/// Backward of a convolution's activation and bias, in place: the gradient becomes 0 where the activation was clipped, and its
/// sum by channel is added to the bias's.
public final class MaskGradient: Step {
    private let gradient, value, sums: Tensor
    private let activation: Activation

    /// - Parameters:
    ///   - gradient: ∂L/∂value, batch × channels × height × width, channels last.
    ///   - value: what the activation gave.
    ///   - sums: of each channel; added to.
    public init(_ gradient: Tensor, where value: Tensor, was activation: Activation, addingTo sums: Tensor) {
        precondition(gradient.descriptor == value.descriptor, "a gradient of another shape")
        precondition(sums.descriptor == .vector(gradient.descriptor.dimensions[1]), "sums of another width")
        self.gradient = gradient
        self.value = value
        self.activation = activation
        self.sums = sums
    }

    public func execute() {
        let extents = gradient.descriptor.dimensions
        let rows = extents[0] * extents[2] * extents[3]
        let range = activation.range
        if activation == .none {
            ck_sum_rows(gradient.floats.baseAddress!, rows, extents[1], sums.floats.baseAddress!)
        } else {
            ck_mask_gradient(
                gradient.floats.baseAddress!, value.floats.baseAddress!, range.lower, range.upper, rows, extents[1],
                sums.floats.baseAddress!)
        }
    }
}

/// sum += term, element by element; tensors of one layout.
public final class Addition: Step {
    private let sum, term: Tensor

    public init(to sum: Tensor, of term: Tensor) {
        precondition(sum.descriptor == term.descriptor, "a sum of different shapes")
        self.sum = sum
        self.term = term
    }

    public func execute() { ck_add(sum.floats.baseAddress!, term.floats.baseAddress!, sum.floats.count) }
}

/// target = source, byte by byte; tensors of one layout.
public final class Copy: Step {
    private let source, target: Tensor

    public init(_ source: Tensor, to target: Tensor) {
        precondition(source.descriptor == target.descriptor, "a copy into another shape")
        self.source = source
        self.target = target
    }

    public func execute() { target.base.copyMemory(from: source.base, byteCount: source.descriptor.byteCount) }
}

extension Tensor {
    /// Sets every byte to zero.
    public func clear() { base.initializeMemory(as: UInt8.self, repeating: 0, count: descriptor.byteCount) }
}
