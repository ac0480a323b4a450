import CDNNL

/// The shape, element type and memory order of a tensor; a value.
public struct TensorDescriptor: Hashable, Sendable {
    let md: dnnl_memory_desc_t

    /// Bytes that a tensor of this kind occupies, padding of blocked layouts included.
    public var byteCount: Int { withUnsafePointer(to: md) { Int(dnnl_memory_desc_get_size($0)) } }

    /// Logical extents, outermost first; images are always batch, channels, height, width, whatever the memory order.
    public var dimensions: [Int] {
        withUnsafePointer(to: md) { pointer in
            (0..<Int(pointer.pointee.ndims)).map { Int(tilescout_dimension(pointer, Int32($0))) }
        }
    }

    public var elementCount: Int { dimensions.reduce(1, *) }
    public var elementType: ElementType { md.data_type == dnnl_bf16 ? .bfloat16 : .float32 }

    init(md: dnnl_memory_desc_t) { self.md = md }

    init(_ dimensions: [Int], _ type: ElementType, tag: dnnl_format_tag_t) {
        precondition(dimensions.allSatisfy { $0 > 0 }, "extents \(dimensions)")
        var md = dnnl_memory_desc_t()
        let extents = dimensions.map { dnnl_dim_t($0) }
        let status = dnnl_memory_desc_init_by_tag(&md, Int32(extents.count), extents, type.dnnl, tag)
        precondition(status == dnnl_success, "no layout \(tag) of \(dimensions)")
        self.md = md
    }

    /// Images: logical batch × channels × height × width, channels last in memory (NHWC).
    public static func images(
        batch: Int, channels: Int, height: Int, width: Int, _ type: ElementType = .float32
    ) -> TensorDescriptor {
        TensorDescriptor([batch, channels, height, width], type, tag: dnnl_nhwc)
    }

    /// A row-major matrix.
    public static func matrix(rows: Int, columns: Int, _ type: ElementType = .float32) -> TensorDescriptor {
        TensorDescriptor([rows, columns], type, tag: dnnl_ab)
    }

    /// A matrix stored column by column.
    static func matrixByColumns(rows: Int, columns: Int) -> TensorDescriptor {
        TensorDescriptor([rows, columns], .float32, tag: dnnl_ba)
    }

    /// A vector.
    public static func vector(_ count: Int) -> TensorDescriptor { TensorDescriptor([count], .float32, tag: dnnl_a) }

    /// Convolution weights as files carry them: output channels × input channels per group × height × width.
    public static func filters(_ shape: ConvolutionShape) -> TensorDescriptor {
        let k = shape.kernel, g = shape.groups
        return g == 1
            ? TensorDescriptor([shape.outputChannels, shape.inputChannels, k, k], .float32, tag: dnnl_oihw)
            : TensorDescriptor(
                [g, shape.outputChannels / g, shape.inputChannels / g, k, k], .float32, tag: dnnl_goihw)
    }

    public static func == (a: TensorDescriptor, b: TensorDescriptor) -> Bool {
        withUnsafePointer(to: a.md) { a in
            withUnsafePointer(to: b.md) { b in dnnl_memory_desc_equal(a, b) != 0 }
        }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(dimensions)
        hasher.combine(byteCount)
    }
}
