import CKernels

/// Batch norm with the statistics of the batch itself (Ioffe & Szegedy 2015), a residual and an activation after it.
///
/// y = activation(γ (x − μ) / √(σ² + ε) + β + residual), with μ and σ² of each channel over batch, rows and columns.
public final class BatchNormalization {
    private let gamma, beta, dGamma: Tensor
    private let epsilon: Float
    private var inverse: [Float]
    /// Of the batch that went forward last: a value for each channel.
    public private(set) var mean: [Float]
    /// Biased: divided by the number of values.
    public private(set) var variance: [Float]

    /// - Parameters:
    ///   - gamma, beta: scale and shift by channel; read in each pass.
    ///   - dGamma: added to by the backward pass; β's gradient is that of a bias.
    public init(gamma: Tensor, beta: Tensor, dGamma: Tensor, epsilon: Float) {
        self.gamma = gamma
        self.beta = beta
        self.dGamma = dGamma
        self.epsilon = epsilon
        mean = [Float](repeating: 0, count: gamma.descriptor.elementCount)
        variance = mean
        inverse = mean
    }

    /// Writes `output` from `input`, float32 images channels last.
    public func forward(_ input: Tensor, residual: Tensor?, activation: Activation, output: Tensor) -> any Step {
        precondition(input.descriptor == output.descriptor, "an output of another shape")
        return NormalisationStep { [self] in
            let (rows, channels) = input.descriptor.rowsAndChannels
            ck_channel_moments(input.floats.baseAddress!, rows, channels, &mean, &variance)
            inverse = variance.map { 1 / ($0 + epsilon).squareRoot() }
            let scale = zip(gamma.floats, inverse).map { $0 * $1 }
            let shift = zip(beta.floats, zip(mean, scale)).map { $0 - $1.0 * $1.1 }
            let range = activation.range
            ck_normalise(
                input.floats.baseAddress!, residual?.floats.baseAddress, scale, shift, range.lower, range.upper, rows, channels,
                output.floats.baseAddress!)
        }
    }

    /// Turns ∂L/∂y into ∂L/∂x in place, after the activation's mask; needs the statistics of the forward pass.
    public func backward(_ gradient: Tensor, input: Tensor) -> any Step {
        precondition(input.descriptor == gradient.descriptor, "a gradient of another shape")
        return NormalisationStep { [self] in
            let (rows, channels) = input.descriptor.rowsAndChannels
            ck_normalise_gradient(
                gradient.floats.baseAddress!, input.floats.baseAddress!, mean, inverse, gamma.floats.baseAddress!, rows, channels,
                dGamma.floats.baseAddress!)
        }
    }
}

/// A step that is a call.
private final class NormalisationStep: Step {
    private let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
    func execute() { body() }
}

extension TensorDescriptor {
    /// Of images, channels last: batch × height × width, and channels.
    fileprivate var rowsAndChannels: (Int, Int) { (dimensions[0] * dimensions[2] * dimensions[3], dimensions[1]) }
}
