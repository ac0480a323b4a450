/// The loops that tell valid pixels (1) from invalid ones (0).
public enum PixelValidity {
    /// 1 where a mask or an alpha band is not zero.
    @_specialize(where Sample == UInt8)
    @_specialize(where Sample == UInt16)
    @_specialize(where Sample == Int16)
    @_specialize(where Sample == Float)
    public static func markNonZero<Sample: PixelSample>(
        _ source: [Sample], _ patch: PixelPatch, into valid: inout [UInt8]
    ) {
        each(source, patch, &valid) { sample, _ in sample == .zero ? 0 : 1 }
    }

    /// Clears where a mask is zero.
    public static func clearZero(_ source: [UInt8], _ patch: PixelPatch, in valid: inout [UInt8]) {
        each(source, patch, &valid) { sample, flag in sample == 0 ? 0 : flag }
    }

    /// Sets where a sample differs from the nodata value.
    @_specialize(where Sample == UInt8)
    @_specialize(where Sample == UInt16)
    @_specialize(where Sample == Int16)
    @_specialize(where Sample == Float)
    public static func setUnequal<Sample: PixelSample>(
        _ source: [Sample], _ patch: PixelPatch, to noData: Sample, in valid: inout [UInt8]
    ) {
        each(source, patch, &valid) { sample, flag in sample == noData ? flag : 1 }
    }

    /// Clears where a sample is the nodata value.
    @_specialize(where Sample == Float)
    public static func clearEqual<Sample: PixelSample>(
        _ source: [Sample], _ patch: PixelPatch, to noData: Sample, in valid: inout [UInt8]
    ) {
        each(source, patch, &valid) { sample, flag in sample == noData ? 0 : flag }
    }

    /// Clears where a sample is NaN or infinite.
    @_specialize(where Sample == Float)
    public static func clearNonNumbers<Sample: PixelSample>(
        _ source: [Sample], _ patch: PixelPatch, in valid: inout [UInt8]
    ) {
        // Infinity minus itself is NaN, which equals nothing.
        each(source, patch, &valid) { sample, flag in sample.asFloat - sample.asFloat == 0 ? flag : 0 }
    }

    /// Clears where a table has 0 for the sample.
    @_specialize(where Sample == UInt8)
    @_specialize(where Sample == UInt16)
    public static func clearLookup<Sample: PixelSample>(
        _ source: [Sample], _ patch: PixelPatch, in table: [UInt8], valid: inout [UInt8]
    ) {
        precondition(table.count == 65536)
        table.withUnsafeBufferPointer { table in
            let entries = table.baseAddress!
            each(source, patch, &valid) { sample, flag in flag & entries[sample.asIndex] }
        }
    }

    /// Sum of the flags in the target rectangle of a patch.
    public static func count(_ valid: [UInt8], _ patch: PixelPatch) -> Int {
        patch.check(source: .max, target: valid.count)
        return valid.withUnsafeBufferPointer { valid in
            var total = 0
            for row in 0..<patch.height {
                let from = valid.baseAddress! + patch.target + row * patch.targetStride
                var sum: UInt32 = 0
                for column in 0..<patch.width { sum &+= UInt32(from[column]) }
                total += Int(sum)
            }
            return total
        }
    }

    /// Valid pixels whose class has 1 in a table of 65,536.
    public static func countClasses(
        _ classes: [UInt16], _ patch: PixelPatch, table: [UInt8], valid: [UInt8]
    ) -> Int {
        patch.check(source: classes.count, target: valid.count)
        precondition(table.count == 65536)
        var total = 0
        classes.withUnsafeBufferPointer { classes in
            valid.withUnsafeBufferPointer { valid in
                table.withUnsafeBufferPointer { table in
                    for row in 0..<patch.height {
                        let from = classes.baseAddress! + patch.start + row * patch.stride
                        let flags = valid.baseAddress! + patch.target + row * patch.targetStride
                        var sum: UInt32 = 0
                        for column in 0..<patch.width { sum &+= UInt32(flags[column] & table[Int(from[column])]) }
                        total += Int(sum)
                    }
                }
            }
        }
        return total
    }

    @inline(__always)
    private static func each<Sample: PixelSample>(
        _ source: [Sample], _ patch: PixelPatch, _ valid: inout [UInt8], _ body: (Sample, UInt8) -> UInt8
    ) {
        patch.check(source: source.count, target: valid.count)
        source.withUnsafeBufferPointer { source in
            valid.withUnsafeMutableBufferPointer { valid in
                for row in 0..<patch.height {
                    let from = source.baseAddress! + patch.start + row * patch.stride
                    let to = valid.baseAddress! + patch.target + row * patch.targetStride
                    for column in 0..<patch.width { to[column] = body(from[column], to[column]) }
                }
            }
        }
    }
}

/// A buffer of zeros. Swift fills generic arrays element by element through witness calls; this knows the types.
@_specialize(where Sample == UInt8)
@_specialize(where Sample == UInt16)
@_specialize(where Sample == Int16)
@_specialize(where Sample == Float)
public func zeros<Sample: PixelSample>(_ type: Sample.Type, count: Int) -> [Sample] {
    [Sample](unsafeUninitializedCapacity: count) { buffer, initialized in
        buffer.initialize(repeating: .zero)
        initialized = count
    }
}
