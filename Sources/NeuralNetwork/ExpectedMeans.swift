import Foundation
import Kernels

extension NetworkGraph {
    /// The mean of a value by channel over the images that the network was trained on, as its batch norms have it: what
    /// they let through is normal with mean β and deviation |γ|, and is then clipped by the activation.
    ///
    /// Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", section 4.2.
    /// - Returns: nil for the input, after pooling, and where a residual sum is activated.
    func expectedMeans(of value: Int, from file: SafeTensors) throws -> [Float]? {
        guard value > 0, case .convolution(let layer) = nodes[value - 1].operation, let norm = layer.norm else {
            return nil
        }
        let channels = [layer.shape.outputChannels]
        let beta = try file.values("\(norm).bias", shape: channels)
        guard let residual = layer.residual else {
            let gamma = try file.values("\(norm).weight", shape: channels)
            return zip(beta, gamma).map { layer.activation.mean(ofNormal: $0, deviation: abs($1)) }
        }
        guard layer.activation == .none, let base = try expectedMeans(of: residual, from: file) else { return nil }
        return zip(base, beta).map(+)
    }
}

extension Activation {
    /// The mean of the activation of a normal variable.
    func mean(ofNormal mean: Float, deviation: Float) -> Float {
        switch self {
        case .none: mean
        case .relu: Activation.positivePart(mean, deviation)
        case .relu6: Activation.positivePart(mean, deviation) - Activation.positivePart(mean - 6, deviation)
        }
    }

    /// E max(0, X) for X normal: μ Φ(μ/σ) + σ φ(μ/σ).
    private static func positivePart(_ mean: Float, _ deviation: Float) -> Float {
        guard deviation > 1e-6 else { return max(0, mean) }
        let z = Double(mean / deviation)
        let below = erfc(-z / 2.0.squareRoot()) / 2
        let density = exp(-z * z / 2) / (2 * Double.pi).squareRoot()
        return Float(Double(mean) * below + Double(deviation) * density)
    }
}
