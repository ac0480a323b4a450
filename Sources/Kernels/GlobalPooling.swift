import Foundation

/// How a feature map becomes one descriptor per image.
public enum GlobalPooling: Hashable, Sendable {
    /// Sum pooling of deep convolutional features (Babenko & Lempitsky 2015), as a mean: L2 normalisation follows.
    case spoc
    /// Generalised mean (Radenović et al. 2018): (mean of xᵖ)^(1/p), x clamped from below at 1e-6.
    case gem(p: Float)
    /// The maximum (MAC).
    case max
}

/// Pools a float32 feature map (batch × channels × height × width, channels last) over its positions into
/// a batch × channels matrix.
public func pool(_ input: Tensor, by pooling: GlobalPooling, into output: Tensor) {
    let extents = input.descriptor.dimensions
    let batch = extents[0], channels = extents[1], positions = extents[2] * extents[3]
    precondition(output.descriptor.dimensions == [batch, channels], "pooled \(extents) into the wrong shape")
    let x = input.floats.baseAddress!, y = output.floats.baseAddress!
    for image in 0..<batch {
        let source = x + image * positions * channels
        let target = y + image * channels
        switch pooling {
        case .spoc:
            accumulate(source, positions, channels, into: target)
            let scale = 1 / Float(positions)
            for c in 0..<channels { target[c] *= scale }
        case .max:
            target.update(from: source, count: channels)
            for position in 1..<Swift.max(positions, 1) {
                let row = source + position * channels
                for c in 0..<channels { target[c] = Swift.max(target[c], row[c]) }
            }
        case .gem(let p):
            generalisedMean(source, positions, channels, p, into: target)
        }
    }
}

private func accumulate(
    _ source: UnsafePointer<Float>, _ positions: Int, _ channels: Int, into target: UnsafeMutablePointer<Float>
) {
    target.update(from: source, count: channels)
    for position in 1..<max(positions, 1) {
        let row = source + position * channels
        for c in 0..<channels { target[c] += row[c] }
    }
}

private func generalisedMean(
    _ source: UnsafePointer<Float>, _ positions: Int, _ channels: Int, _ p: Float,
    into target: UnsafeMutablePointer<Float>
) {
    let scale = 1 / Float(positions)
    target.update(repeating: 0, count: channels)
    for position in 0..<positions {
        let row = source + position * channels
        if p == 3 {  // the usual exponent, without a call per element
            for c in 0..<channels {
                let x = max(row[c], 1e-6)
                target[c] += x * x * x
            }
        } else {
            for c in 0..<channels { target[c] += powf(max(row[c], 1e-6), p) }
        }
    }
    for c in 0..<channels { target[c] = powf(target[c] * scale, 1 / p) }
}

/// Scales every row of a float32 matrix to length 1; a row shorter than 1e-12 becomes zeros.
public func normaliseRows(_ matrix: Tensor) {
    let rows = matrix.descriptor.dimensions[0], columns = matrix.descriptor.dimensions[1]
    let base = matrix.floats.baseAddress!
    for r in 0..<rows {
        let row = base + r * columns
        var sum: Float = 0
        for c in 0..<columns { sum += row[c] * row[c] }
        let length = sum.squareRoot()
        let scale = length > 1e-12 ? 1 / length : 0
        for c in 0..<columns { row[c] *= scale }
    }
}
