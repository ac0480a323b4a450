import Kernels

/// The arithmetic of an encoder.
public enum EncoderPrecision: String, CaseIterable, Hashable, Sendable {
    /// bfloat16 where the CPU multiplies it in hardware, float32 elsewhere.
    case automatic
    case float32
    /// Weights and activations in bfloat16, sums in float32.
    case bfloat16

    /// What it means on this CPU.
    public var elementType: ElementType {
        switch self {
        case .automatic: CPUFeatures.hasBFloat16 ? .bfloat16 : .float32
        case .float32: .float32
        case .bfloat16: .bfloat16
        }
    }
}
