/// A sample type that rasters are held in while pictures are made of them: 8 and 16-bit integers as they are, all else as
/// Float.
public protocol PixelSample: RasterSample {
    /// Whether NaN occurs.
    static var isFloat: Bool { get }
    var asFloat: Float { get }
    /// A nodata value as this type holds it; nil where it cannot occur among its samples.
    static func noData(_ value: Double) -> Self?
    /// The value as an index into a table of 65,536; 0 where it is none.
    var asIndex: Int { get }
}

extension UInt8: PixelSample {
    public static var isFloat: Bool { false }
    public static func noData(_ value: Double) -> UInt8? { UInt8(exactly: value) }
    @inline(__always) public var asFloat: Float { Float(self) }
    @inline(__always) public var asIndex: Int { Int(self) }
}

extension UInt16: PixelSample {
    public static var isFloat: Bool { false }
    public static func noData(_ value: Double) -> UInt16? { UInt16(exactly: value) }
    @inline(__always) public var asFloat: Float { Float(self) }
    @inline(__always) public var asIndex: Int { Int(self) }
}

extension Int16: PixelSample {
    public static var isFloat: Bool { false }
    public static func noData(_ value: Double) -> Int16? { Int16(exactly: value) }
    @inline(__always) public var asFloat: Float { Float(self) }
    @inline(__always) public var asIndex: Int { self > 0 ? Int(self) : 0 }
}

extension Float: PixelSample {
    public static var isFloat: Bool { true }
    public static func noData(_ value: Double) -> Float? { Float(value) }
    @inline(__always) public var asFloat: Float { self }
    @inline(__always) public var asIndex: Int { self >= 0 && self <= 65535 ? Int(self) : 0 }
}
