/// The loops over pixels. They allocate nothing, take spans without bounds checks (callers keep to them: every range is
/// a row of a buffer that was sized for it), and are written so that the compiler turns them into vector code.
enum PixelKernels {
    /// Adding 2²³ to a float in 0…255 leaves its nearest integer in the low bits: a conversion without traps, which
    /// vectorises.
    @inline(__always)
    static func byte(_ value: Float) -> UInt8 {
        let low: Float = value > 0 ? value : 0
        let clamped: Float = low < 255 ? low : 255
        return UInt8(truncatingIfNeeded: (clamped + 8_388_608).bitPattern)
    }

    /// Three planes of samples that are bytes already into interleaved RGB.
    @_specialize(where Sample == UInt8)
    static func interleave<Sample: PixelSample>(
        _ source: Span<Sample>, red: Int, green: Int, blue: Int, count: Int, into output: inout MutableSpan<UInt8>,
        offset: Int
    ) {
        for index in 0..<count {
            output[unchecked: offset + 3 * index] = source[unchecked: red + index].asByte
            output[unchecked: offset + 3 * index + 1] = source[unchecked: green + index].asByte
            output[unchecked: offset + 3 * index + 2] = source[unchecked: blue + index].asByte
        }
    }

    /// One plane, stretched, into one channel of interleaved RGB.
    @_specialize(where Sample == UInt8)
    @_specialize(where Sample == UInt16)
    @_specialize(where Sample == Int16)
    @_specialize(where Sample == Float)
    static func stretch<Sample: PixelSample>(
        _ source: Span<Sample>, start: Int, count: Int, scale: Float, bias: Float,
        into output: inout MutableSpan<UInt8>, offset: Int
    ) {
        for index in 0..<count {
            output[unchecked: offset + 3 * index] = byte(source[unchecked: start + index].asFloat * scale + bias)
        }
    }

    /// One plane of palette indices or grey bytes into RGB, through three tables.
    @_specialize(where Sample == UInt8)
    @_specialize(where Sample == UInt16)
    @_specialize(where Sample == Int16)
    @_specialize(where Sample == Float)
    static func expand<Sample: PixelSample>(
        _ source: Span<Sample>, start: Int, count: Int, red: Span<UInt8>, green: Span<UInt8>, blue: Span<UInt8>,
        into output: inout MutableSpan<UInt8>, offset: Int
    ) {
        for index in 0..<count {
            let entry = source[unchecked: start + index].asIndex
            output[unchecked: offset + 3 * index] = red[unchecked: entry]
            output[unchecked: offset + 3 * index + 1] = green[unchecked: entry]
            output[unchecked: offset + 3 * index + 2] = blue[unchecked: entry]
        }
    }

    /// The first channel into the other two.
    static func replicateGrey(count: Int, in output: inout MutableSpan<UInt8>, offset: Int) {
        for index in 0..<count {
            let grey = output[unchecked: offset + 3 * index]
            output[unchecked: offset + 3 * index + 1] = grey
            output[unchecked: offset + 3 * index + 2] = grey
        }
    }

    // MARK: Validity: 1 valid, 0 invalid

    static func fill(_ value: UInt8, count: Int, into output: inout MutableSpan<UInt8>, offset: Int) {
        for index in 0..<count { output[unchecked: offset + index] = value }
    }

    @_specialize(where Sample == UInt8)
    @_specialize(where Sample == UInt16)
    @_specialize(where Sample == Int16)
    @_specialize(where Sample == Float)
    static func markNonZero<Sample: PixelSample>(
        _ source: Span<Sample>, start: Int, count: Int, into output: inout MutableSpan<UInt8>, offset: Int
    ) {
        for index in 0..<count { output[unchecked: offset + index] = source[unchecked: start + index] == .zero ? 0 : 1 }
    }

    static func andNonZero(
        _ source: Span<UInt8>, start: Int, count: Int, into output: inout MutableSpan<UInt8>, offset: Int
    ) {
        for index in 0..<count where source[unchecked: start + index] == 0 { output[unchecked: offset + index] = 0 }
    }

    /// Marks valid what differs from a nodata value; everything without one.
    @_specialize(where Sample == UInt8)
    @_specialize(where Sample == UInt16)
    @_specialize(where Sample == Int16)
    @_specialize(where Sample == Float)
    static func orUnequal<Sample: PixelSample>(
        _ source: Span<Sample>, start: Int, count: Int, value: Sample?, into output: inout MutableSpan<UInt8>,
        offset: Int
    ) {
        guard let value else { return fill(1, count: count, into: &output, offset: offset) }
        for index in 0..<count {
            output[unchecked: offset + index] |= source[unchecked: start + index] == value ? 0 : 1
        }
    }

    /// Marks invalid what is NaN, infinite or nodata.
    @_specialize(where Sample == Float)
    static func andNumber<Sample: PixelSample>(
        _ source: Span<Sample>, start: Int, count: Int, noData: Sample?, into output: inout MutableSpan<UInt8>,
        offset: Int
    ) {
        for index in 0..<count {
            let value = source[unchecked: start + index].asFloat
            // Infinity minus itself is NaN, and NaN differs from itself.
            output[unchecked: offset + index] &= value - value == 0 ? 1 : 0
        }
        guard let noData else { return }
        for index in 0..<count {
            output[unchecked: offset + index] &= source[unchecked: start + index] == noData ? 0 : 1
        }
    }

    @_specialize(where Sample == UInt8)
    @_specialize(where Sample == UInt16)
    static func andLookup<Sample: PixelSample>(
        _ source: Span<Sample>, start: Int, count: Int, table: Span<UInt8>, into output: inout MutableSpan<UInt8>,
        offset: Int
    ) {
        for index in 0..<count {
            output[unchecked: offset + index] &= table[unchecked: source[unchecked: start + index].asIndex]
        }
    }

    static func sum(_ source: Span<UInt8>, start: Int, count: Int) -> Int {
        var total: UInt32 = 0
        for index in 0..<count { total &+= UInt32(source[unchecked: start + index]) }
        return Int(total)
    }

    /// Valid pixels of a row whose class is cloud.
    static func countClouds(
        _ classes: Span<UInt16>, start: Int, count: Int, table: Span<UInt8>, valid: Span<UInt8>, offset: Int
    ) -> Int {
        var total: UInt32 = 0
        for index in 0..<count {
            let isCloud = table[unchecked: Int(classes[unchecked: start + index])]
            total &+= UInt32(isCloud & valid[unchecked: offset + index])
        }
        return Int(total)
    }

    // MARK: Filling what is invalid

    /// Sums of each channel over valid pixels.
    static func channelSums(_ image: Span<UInt8>, valid: Span<UInt8>, count: Int) -> (Int, Int, Int) {
        var (red, green, blue): (UInt64, UInt64, UInt64) = (0, 0, 0)
        for index in 0..<count {
            let keep = UInt64(valid[unchecked: index])
            red &+= keep &* UInt64(image[unchecked: 3 * index])
            green &+= keep &* UInt64(image[unchecked: 3 * index + 1])
            blue &+= keep &* UInt64(image[unchecked: 3 * index + 2])
        }
        return (Int(red), Int(green), Int(blue))
    }

    static func fillInvalid(
        _ image: inout MutableSpan<UInt8>, valid: Span<UInt8>, count: Int, red: UInt8, green: UInt8, blue: UInt8
    ) {
        for index in 0..<count where valid[unchecked: index] == 0 {
            image[unchecked: 3 * index] = red
            image[unchecked: 3 * index + 1] = green
            image[unchecked: 3 * index + 2] = blue
        }
    }
}
