import CGDAL

/// The loops that make 8-bit RGB of samples. They allocate nothing, and are plain enough for the compiler to vectorise:
/// pointers, no overflow checks, one array read and one written.
public enum PixelRendering {
    /// Adding 2²³ to a float in 0…255 leaves its nearest integer in the low bits: a conversion without traps.
    /// NaN becomes 0.
    @inline(__always)
    static func byte(_ value: Float) -> UInt8 {
        let low: Float = value > 0 ? value : 0
        let clamped: Float = low < 255 ? low : 255
        return UInt8(truncatingIfNeeded: (clamped + 8_388_608).bitPattern)
    }

    /// Three planes of bytes, `red`, `green` and `blue` samples after the patch, into interleaved RGB.
    public static func interleave(
        _ source: [UInt8], _ patch: PixelPatch, red: Int, green: Int, blue: Int, into rgb: inout [UInt8]
    ) {
        for plane in [red, green, blue] { patch.plane(offset: plane).check(source: source.count, target: rgb.count, channels: 3) }
        source.withUnsafeBufferPointer { source in
            rgb.withUnsafeMutableBufferPointer { rgb in
                for row in 0..<patch.height {
                    let from = source.baseAddress! + patch.start + row * patch.stride
                    tilescout_interleave(
                        from + red, from + green, from + blue,
                        rgb.baseAddress! + 3 * (patch.target + row * patch.targetStride), patch.width)
                }
            }
        }
    }

    /// As `interleave(_:_:red:green:blue:into:)`, into a new array of just the patch: nothing is cleared first.
    public static func interleaved(
        _ source: [UInt8], _ patch: PixelPatch, red: Int, green: Int, blue: Int
    ) -> [UInt8] {
        for plane in [red, green, blue] { patch.plane(offset: plane).check(source: source.count, target: .max) }
        let count = 3 * patch.width * patch.height
        return source.withUnsafeBufferPointer { source in
            [UInt8](unsafeUninitializedCapacity: count) { rgb, initialized in
                for row in 0..<patch.height {
                    let from = source.baseAddress! + patch.start + row * patch.stride
                    tilescout_interleave(
                        from + red, from + green, from + blue, rgb.baseAddress! + 3 * row * patch.width, patch.width)
                }
                initialized = count
            }
        }
    }

    /// Stretches one plane into bytes: `value × scale + bias`, rounded, within 0…255.
    @_specialize(where Sample == UInt8)
    @_specialize(where Sample == UInt16)
    @_specialize(where Sample == Int16)
    @_specialize(where Sample == Float)
    public static func stretch<Sample: PixelSample>(
        _ source: [Sample], _ patch: PixelPatch, scale: Float, bias: Float, into bytes: inout [UInt8]
    ) {
        patch.check(source: source.count, target: bytes.count)
        source.withUnsafeBufferPointer { source in
            bytes.withUnsafeMutableBufferPointer { bytes in
                for row in 0..<patch.height {
                    let from = source.baseAddress! + patch.start + row * patch.stride
                    let to = bytes.baseAddress! + patch.target + row * patch.targetStride
                    for column in 0..<patch.width { to[column] = byte(from[column].asFloat * scale + bias) }
                }
            }
        }
    }

    /// Replaces each sample of a plane by a table's entry; the table has one for each of 65,536 values.
    @_specialize(where Sample == UInt8)
    @_specialize(where Sample == UInt16)
    @_specialize(where Sample == Int16)
    @_specialize(where Sample == Float)
    public static func look<Sample: PixelSample>(
        up source: [Sample], _ patch: PixelPatch, in table: [UInt8], into bytes: inout [UInt8]
    ) {
        patch.check(source: source.count, target: bytes.count)
        precondition(table.count == 65536)
        source.withUnsafeBufferPointer { source in
            table.withUnsafeBufferPointer { table in
                bytes.withUnsafeMutableBufferPointer { bytes in
                    for row in 0..<patch.height {
                        let from = source.baseAddress! + patch.start + row * patch.stride
                        let to = bytes.baseAddress! + patch.target + row * patch.targetStride
                        for column in 0..<patch.width { to[column] = table[from[column].asIndex] }
                    }
                }
            }
        }
    }

    /// Gives invalid pixels (0 in `valid`) the mean colour of the valid ones, of which there is at least one.
    public static func fillInvalid(_ rgb: inout [UInt8], valid: [UInt8], count: Int) {
        precondition(rgb.count >= 3 * count && valid.count >= count)
        var (kept, red, green, blue): (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        rgb.withUnsafeMutableBufferPointer { rgb in
            valid.withUnsafeBufferPointer { valid in
                let (pixels, flags) = (rgb.baseAddress!, valid.baseAddress!)
                for index in 0..<count where flags[index] != 0 {
                    kept &+= 1
                    red &+= UInt64(pixels[3 &* index])
                    green &+= UInt64(pixels[3 &* index &+ 1])
                    blue &+= UInt64(pixels[3 &* index &+ 2])
                }
                guard kept > 0 else { return }
                func mean(_ sum: UInt64) -> UInt8 { UInt8((sum + kept / 2) / kept) }
                let colour = (mean(red), mean(green), mean(blue))
                for index in 0..<count where flags[index] == 0 {
                    pixels[3 &* index] = colour.0
                    pixels[3 &* index &+ 1] = colour.1
                    pixels[3 &* index &+ 2] = colour.2
                }
            }
        }
    }
}
