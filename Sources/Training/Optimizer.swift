/// Changes parameters by their gradients.
public enum OptimizerKind: String, CaseIterable, Hashable, Sendable, Codable {
    /// Stochastic gradient descent with momentum 0.9, as PyTorch's `SGD`: v = 0.9 v + g + λ w; w −= η v.
    case sgd
    /// AdamW (Loshchilov & Hutter 2019), β = 0.9, 0.999, ε = 1e-8, as PyTorch's.
    case adamW = "adamw"
}

/// The optimizer's memory: one or two arrays as long as each parameter.
public struct Optimizer: Sendable {
    public let kind: OptimizerKind
    /// Steps taken.
    public internal(set) var steps = 0
    /// The velocity, or the first moment.
    public internal(set) var first: [String: [Float]] = [:]
    /// The second moment of AdamW.
    public internal(set) var second: [String: [Float]] = [:]

    private static let momentum: Float = 0.9, beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8

    public init(_ kind: OptimizerKind) { self.kind = kind }

    /// One step for all parameters.
    ///
    /// - Parameters:
    ///   - rate: learning rate of a parameter by its name.
    ///   - decay: weight decay of a parameter by its name.
    public mutating func step(
        _ parameters: inout [String: [Float]], _ gradients: [String: [Float]], rate: (String) -> Float, decay: (String) -> Float
    ) {
        steps += 1
        // β₁ᵗ and β₂ᵗ: what the moments, which begin at zero, lack of their full size.
        var power: (first: Double, second: Double) = (1, 1)
        for _ in 0..<steps {
            power.first *= Double(Optimizer.beta1)
            power.second *= Double(Optimizer.beta2)
        }
        for name in gradients.keys.sorted() {
            let gradient = gradients[name]!
            let zeros = { [Float](repeating: 0, count: gradient.count) }
            switch kind {
            case .sgd:
                momentumStep(&parameters[name]!, gradient, &first[name, default: zeros()], rate(name), decay(name))
            case .adamW:
                adamStep(
                    &parameters[name]!, gradient, &first[name, default: zeros()], &second[name, default: zeros()], rate(name),
                    decay(name), power)
            }
        }
    }

    private func momentumStep(
        _ w: inout [Float], _ g: [Float], _ v: inout [Float], _ rate: Float, _ decay: Float
    ) {
        let first = steps == 1
        for i in w.indices {
            let gradient = g[i] + decay * w[i]
            v[i] = first ? gradient : Optimizer.momentum * v[i] + gradient
            w[i] -= rate * v[i]
        }
    }

    private func adamStep(
        _ w: inout [Float], _ g: [Float], _ m: inout [Float], _ v: inout [Float], _ rate: Float, _ decay: Float,
        _ power: (first: Double, second: Double)
    ) {
        let scale = rate / Float(1 - power.first), unbias = Float((1 - power.second).squareRoot())
        for i in w.indices {
            m[i] = Optimizer.beta1 * m[i] + (1 - Optimizer.beta1) * g[i]
            v[i] = Optimizer.beta2 * v[i] + (1 - Optimizer.beta2) * g[i] * g[i]
            w[i] = w[i] * (1 - rate * decay) - scale * m[i] / (v[i].squareRoot() / unbias + Optimizer.epsilon)
        }
    }
}

/// Scales gradients so that their length together is at most `limit`.
/// - Returns: the length before.
func clip(_ gradients: inout [String: [Float]], to limit: Double) -> Double {
    var sum = 0.0
    for name in gradients.keys.sorted() {
        for value in gradients[name]! { sum += Double(value) * Double(value) }
    }
    let length = sum.squareRoot()
    guard length > limit else { return length }
    let scale = Float(limit / length)
    for name in gradients.keys {
        for i in gradients[name]!.indices { gradients[name]![i] *= scale }
    }
    return length
}
