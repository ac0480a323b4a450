import CKernels

/// Turns 8-bit RGB images into network input: resized to a square, scaled per channel, channels last.
///
/// The resize is separable bilinear with antialiasing: a triangle filter as wide as the reduction, pixel centres at
/// half-integers, weights normalised, nothing rounded in between. It equals PyTorch's
/// `interpolate(mode="bilinear", antialias=True, align_corners=False)` on float input, and Pillow's `BILINEAR` up to
/// that one's rounding to 8 bits after each pass. Enlarging is plain bilinear.
public final class ImageResampler {
    public let side: Int
    private let scale: [Float]  // 1 / std of red, green, blue; and 0
    private let shift: [Float]  // −mean / std; and 0
    private var filters: [Int: ResamplingFilter] = [:]
    private var row: [Float] = []

    /// - Parameters:
    ///   - side: rows and columns of the output.
    ///   - mean, std: per channel, in units of pixel values (0…255); output = (pixel − mean) / std.
    public init(side: Int, mean: [Float], std: [Float]) {
        precondition(side > 0 && mean.count == 3 && std.count == 3 && std.allSatisfy { $0 != 0 })
        self.side = side
        scale = std.map { 1 / $0 } + [0]
        shift = zip(mean, std).map { -$0 / $1 } + [0]
    }

    /// Writes one image into a batch.
    /// - Parameters:
    ///   - pixels: height × width × 3, interleaved.
    ///   - tensor: batch × 3 × side × side, channels last, float32 or bfloat16.
    ///   - index: the image's place in the batch.
    public func write(_ pixels: [UInt8], width: Int, height: Int, into tensor: Tensor, at index: Int) {
        let extents = tensor.descriptor.dimensions
        precondition(extents[1...] == [3, side, side] && index < extents[0], "an image for \(extents)")
        precondition(pixels.count == width * height * 3 && width > 0 && height > 0, "pixels of another size")
        let vertical = filter(from: height), horizontal = filter(from: width)
        if row.count < width * 3 + 1 { row = [Float](repeating: 0, count: width * 3 + 1) }  // the kernels read one past
        pixels.withUnsafeBufferPointer { pixels in
            row.withUnsafeMutableBufferPointer { row in
                if CPUFeatures.hasOwnKernels {
                    return writeFast(pixels.baseAddress!, width, vertical, horizontal, row.baseAddress!, tensor, index)
                }
                for y in 0..<side {
                    blendRows(pixels.baseAddress!, vertical, y, width * 3, into: row.baseAddress!)
                    let start = (index * side + y) * side * 3
                    switch tensor.descriptor.elementType {
                    case .float32:
                        let out = tensor.base.assumingMemoryBound(to: Float.self) + start
                        blendColumns(row.baseAddress!, horizontal) { out[$0] = $1 }
                    case .bfloat16:
                        let out = tensor.base.assumingMemoryBound(to: UInt16.self) + start
                        blendColumns(row.baseAddress!, horizontal) { out[$0] = BFloat16.bits($1) }
                    }
                }
            }
        }
    }

    private func filter(from extent: Int) -> ResamplingFilter {
        if let filter = filters[extent] { return filter }
        if filters.count > 64 { filters.removeAll() }  // odd sizes come and go; most scenes have one
        let filter = ResamplingFilter(from: extent, to: side)
        filters[extent] = filter
        return filter
    }

    /// The same by the AVX-512 kernels.
    private func writeFast(
        _ pixels: UnsafePointer<UInt8>, _ width: Int, _ vertical: ResamplingFilter, _ horizontal: ResamplingFilter,
        _ row: UnsafeMutablePointer<Float>, _ tensor: Tensor, _ index: Int
    ) {
        let stride = width * 3, taps = Int32(vertical.taps), columns = Int32(horizontal.taps)
        for y in 0..<side {
            vertical.weights.withUnsafeBufferPointer {
                ck_blend_rows(
                    pixels + vertical.starts[y] * stride, stride, $0.baseAddress! + y * vertical.taps, taps,
                    Int32(stride), row)
            }
            let start = (index * side + y) * side * 3
            switch tensor.descriptor.elementType {
            case .float32:
                ck_blend_columns_f32(
                    row, horizontal.starts32, horizontal.weights, columns, Int32(side), scale, shift,
                    tensor.base.assumingMemoryBound(to: Float.self) + start)
            case .bfloat16:
                ck_blend_columns_bf16(
                    row, horizontal.starts32, horizontal.weights, columns, Int32(side), scale, shift,
                    tensor.base.assumingMemoryBound(to: UInt16.self) + start)
            }
        }
    }

    private func blendRows(
        _ pixels: UnsafePointer<UInt8>, _ filter: ResamplingFilter, _ y: Int, _ count: Int,
        into row: UnsafeMutablePointer<Float>
    ) {
        let first = filter.starts[y], taps = filter.taps
        filter.weights.withUnsafeBufferPointer { weights in
            let w = weights.baseAddress! + y * taps
            let source = pixels + first * count
            if taps == 3 {
                let w0 = w[0], w1 = w[1], w2 = w[2]
                let b = source + count, c = b + count
                for x in 0..<count { row[x] = Float(source[x]) * w0 + Float(b[x]) * w1 + Float(c[x]) * w2 }
            } else {
                for x in 0..<count { row[x] = Float(source[x]) * w[0] }
                for t in 1..<max(taps, 1) {
                    let weight = w[t], line = source + t * count
                    for x in 0..<count { row[x] += Float(line[x]) * weight }
                }
            }
        }
    }

    @inline(__always)
    private func blendColumns(
        _ row: UnsafePointer<Float>, _ filter: ResamplingFilter, _ store: (Int, Float) -> Void
    ) {
        let taps = filter.taps
        let (s0, s1, s2) = (scale[0], scale[1], scale[2])
        let (m0, m1, m2) = (shift[0], shift[1], shift[2])
        filter.weights.withUnsafeBufferPointer { weights in
            filter.starts.withUnsafeBufferPointer { starts in
                for x in 0..<side {
                    var source = row + starts[x] * 3
                    var sum = SIMD4<Float>()
                    for t in 0..<taps {
                        let w = weights[x * taps + t]
                        sum += SIMD4(source[0], source[1], source[2], 0) * w
                        source += 3
                    }
                    store(x * 3, sum.x * s0 + m0)
                    store(x * 3 + 1, sum.y * s1 + m1)
                    store(x * 3 + 2, sum.z * s2 + m2)
                }
            }
        }
    }
}

/// For each output row the input rows that it blends: the first of them, and `taps` weights that sum to 1.
struct ResamplingFilter {
    let taps: Int
    let starts: [Int]
    let starts32: [Int32]
    let weights: [Float]

    init(from input: Int, to output: Int) {
        let ratio = Double(input) / Double(output)
        let support = max(ratio, 1)
        var rows: [(start: Int, weights: [Double])] = []
        for i in 0..<output {
            let centre = ratio * (Double(i) + 0.5)
            let first = max(Int(centre - support + 0.5), 0)
            let last = min(Int(centre + support + 0.5), input)
            var weights = (first..<last).map { max(0, 1 - abs((Double($0) - centre + 0.5) / support)) }
            let sum = weights.reduce(0, +)
            weights = weights.map { $0 / sum }
            rows.append((first, weights))
        }
        let taps = min(rows.map(\.weights.count).max()!, input)
        var starts: [Int] = [], all: [Float] = []
        for row in rows {
            // Equal counts for all: a short row takes zero weights, and moves so that it stays inside.
            let start = min(row.start, input - taps)
            var padded = [Float](repeating: 0, count: taps)
            for (i, w) in row.weights.enumerated() { padded[row.start - start + i] = Float(w) }
            starts.append(start)
            all += padded
        }
        self.taps = taps
        self.starts = starts
        starts32 = starts.map(Int32.init)
        self.weights = all
    }
}
