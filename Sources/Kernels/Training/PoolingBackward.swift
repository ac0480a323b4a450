import Foundation

/// Backward of `pool(_:by:into:)`: ∂L/∂input of a feature map from ∂L/∂pooled.
///
/// - Parameters:
///   - input, dInput: batch × channels × height × width, channels last; `dInput` is written.
///   - pooled: what pooling gave, batch × channels.
///   - dPooled: its gradient.
/// The maximum's gradient goes to the first position that reached it.
public func poolBackward(
    _ dInput: Tensor, _ dPooled: Tensor, input: Tensor, pooled: Tensor, by pooling: GlobalPooling
) {
    let extents = input.descriptor.dimensions
    let batch = extents[0], channels = extents[1], positions = extents[2] * extents[3]
    precondition(dPooled.descriptor.dimensions == [batch, channels] && dInput.descriptor == input.descriptor)
    for image in 0..<batch {
        let x = input.floats.baseAddress! + image * positions * channels
        let dx = dInput.floats.baseAddress! + image * positions * channels
        let y = pooled.floats.baseAddress! + image * channels
        let dy = dPooled.floats.baseAddress! + image * channels
        switch pooling {
        case .spoc:
            let scale = 1 / Float(positions)
            for position in 0..<positions {
                for c in 0..<channels { dx[position * channels + c] = dy[c] * scale }
            }
        case .gem(let p):
            // ∂y/∂x = (x / y)ᵖ⁻¹ / positions, and 0 where x was clamped. Powers of x and of y by themselves leave Float's range.
            // x / y is positions^(1/p) at most, whatever is left of a y that forward lost in small powers.
            let scale = 1 / Float(positions), most = powf(Float(positions), 1 / p)
            for c in 0..<channels {
                for position in 0..<positions {
                    let value = x[position * channels + c], ratio = min(value / y[c], most)
                    let power = p == 3 ? ratio * ratio : powf(ratio, p - 1)
                    dx[position * channels + c] = value > 1e-6 ? dy[c] * scale * power : 0
                }
            }
        case .max:
            (dx).update(repeating: 0, count: positions * channels)
            for c in 0..<channels {
                for position in 0..<positions where x[position * channels + c] == y[c] {
                    dx[position * channels + c] = dy[c]
                    break
                }
            }
        }
    }
}

/// Backward of `MaxPooling`: each window's gradient goes to the first of its inputs that is the maximum.
public final class MaxPoolingBackward: Step {
    private let shape: ConvolutionShape
    private let input, output, dOutput, dInput: Tensor

    /// - Parameter dInput: written.
    public init(_ shape: ConvolutionShape, input: Tensor, output: Tensor, dOutput: Tensor, dInput: Tensor) {
        precondition(dInput.descriptor == input.descriptor && dOutput.descriptor == output.descriptor, "\(shape)")
        self.shape = shape
        self.input = input
        self.output = output
        self.dOutput = dOutput
        self.dInput = dInput
    }

    public func execute() {
        dInput.clear()
        let channels = shape.inputChannels
        for image in 0..<shape.batch {
            let x = input.floats.baseAddress! + image * shape.height * shape.width * channels
            let dx = dInput.floats.baseAddress! + image * shape.height * shape.width * channels
            for oy in 0..<shape.outputHeight {
                for ox in 0..<shape.outputWidth {
                    let place = ((image * shape.outputHeight + oy) * shape.outputWidth + ox) * channels
                    scatter(x, dx, oy, ox, output.floats.baseAddress! + place, dOutput.floats.baseAddress! + place)
                }
            }
        }
    }

    private func scatter(
        _ x: UnsafeMutablePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ oy: Int, _ ox: Int,
        _ y: UnsafeMutablePointer<Float>, _ dy: UnsafeMutablePointer<Float>
    ) {
        let channels = shape.inputChannels
        let top = oy * shape.stride - shape.vertical.before, left = ox * shape.stride - shape.horizontal.before
        for c in 0..<channels {
            search: for row in max(top, 0)..<min(top + shape.kernel, shape.height) {
                for column in max(left, 0)..<min(left + shape.kernel, shape.width) {
                    let place = (row * shape.width + column) * channels + c
                    guard x[place] == y[c] else { continue }
                    dx[place] += dy[c]
                    break search
                }
            }
        }
    }
}
