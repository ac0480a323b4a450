/// What follows a convolution's sum, element by element.
public enum Activation: String, Hashable, Sendable {
    case none
    /// max(0, x)
    case relu
    /// min(max(0, x), 6)
    case relu6

    /// The function itself, for the plain path and for tests.
    public func callAsFunction(_ x: Float) -> Float {
        switch self {
        case .none: x
        case .relu: max(0, x)
        case .relu6: min(max(0, x), 6)
        }
    }
}
