import CDNNL

/// The type of a tensor's elements.
public enum ElementType: String, Hashable, Sendable, CaseIterable {
    case float32
    /// The upper half of a float32: 8 bits of exponent, 7 of fraction.
    case bfloat16

    /// Bytes of one element.
    public var size: Int { self == .float32 ? 4 : 2 }

    var dnnl: dnnl_data_type_t { self == .float32 ? dnnl_f32 : dnnl_bf16 }
}
