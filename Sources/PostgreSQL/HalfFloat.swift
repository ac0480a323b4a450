/// IEEE 754 binary16, rounded to nearest with ties to even, without the CPU's F16C and without branches, so that the loop
/// over a vector becomes SIMD on any x86-64 or arm64. (`Float16(_:)` is a library call per element on baseline x86-64.)
enum HalfFloat {
    /// The 16 bits of `value`. NaN stays NaN, magnitudes of 65520 and more become infinity.
    @inline(__always)
    static func bits(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        let sign = (bits >> 16) & 0x8000
        let magnitude = bits & 0x7FFF_FFFF

        // Normal halves: move the exponent's bias from 127 to 15 and round the 13 mantissa bits that go.
        let odd = (magnitude >> 13) & 1
        let normal = (magnitude &- 0x3800_0000 &+ 0x0FFF &+ odd) >> 13
        // Subnormal halves (below 2^-14): adding 0.5 aligns the mantissa so that the FPU rounds it (F. Giesen, float_to_half_fast3_rtne).
        let aligned = Float(bitPattern: magnitude) + Float(bitPattern: 0x3F00_0000)
        let subnormal = aligned.bitPattern &- 0x3F00_0000

        let isSubnormal: UInt32 = magnitude < 0x3880_0000 ? ~0 : 0
        let isOverflow: UInt32 = magnitude >= 0x477F_F000 ? ~0 : 0
        let isNaN: UInt32 = magnitude > 0x7F80_0000 ? 0x0200 : 0
        var half = (subnormal & isSubnormal) | (normal & ~isSubnormal)
        half = (half & ~isOverflow) | ((0x7C00 | isNaN) & isOverflow)
        return UInt16(truncatingIfNeeded: half | sign)
    }
}

extension [UInt8] {
    /// Appends each value as a big-endian half.
    @usableFromInline
    mutating func appendHalves(_ values: UnsafeBufferPointer<Float>) {
        let start = count
        append(contentsOf: repeatElement(0, count: 2 * values.count))
        withUnsafeMutableBytes { buffer in
            let out = buffer.baseAddress! + start
            for index in 0..<values.count {
                out.storeBytes(of: HalfFloat.bits(values[index]).bigEndian, toByteOffset: 2 * index, as: UInt16.self)
            }
        }
    }
}
