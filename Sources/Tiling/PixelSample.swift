import GDAL

/// A sample type that scenes are held in while they are cut: 8 and 16-bit integers as they are, all else as Float.
protocol PixelSample: RasterSample {
    /// Whether NaN occurs.
    static var isFloat: Bool { get }
    var asFloat: Float { get }
    /// The sample itself where it is a byte already; for other types, clamped.
    var asByte: UInt8 { get }
    /// A nodata value as this type holds it; nil where it cannot occur among its samples.
    static func noData(_ value: Double) -> Self?
    /// The value as a class number or an index into a palette of 65,536; 0 where it is none.
    var asIndex: Int { get }
}

extension UInt8: PixelSample {
    static var isFloat: Bool { false }
    @inline(__always) var asByte: UInt8 { self }
    @inline(__always) var asFloat: Float { Float(self) }
    static func noData(_ value: Double) -> UInt8? { UInt8(exactly: value) }
    @inline(__always) var asIndex: Int { Int(self) }
}

extension UInt16: PixelSample {
    static var isFloat: Bool { false }
    @inline(__always) var asByte: UInt8 { UInt8(clamping: self) }
    @inline(__always) var asFloat: Float { Float(self) }
    static func noData(_ value: Double) -> UInt16? { UInt16(exactly: value) }
    @inline(__always) var asIndex: Int { Int(self) }
}

extension Int16: PixelSample {
    static var isFloat: Bool { false }
    @inline(__always) var asByte: UInt8 { UInt8(clamping: self) }
    @inline(__always) var asFloat: Float { Float(self) }
    static func noData(_ value: Double) -> Int16? { Int16(exactly: value) }
    @inline(__always) var asIndex: Int { Int(Swift.max(0, self)) }
}

extension Float: PixelSample {
    static var isFloat: Bool { true }
    @inline(__always) var asByte: UInt8 { PixelKernels.byte(self) }
    @inline(__always) var asFloat: Float { self }
    static func noData(_ value: Double) -> Float? { Float(value) }
    @inline(__always) var asIndex: Int { self >= 0 && self <= 65535 ? Int(self) : 0 }
}
