import CGDAL

/// The type of a raster's samples.
public enum DataType: String, Sendable, Codable, CaseIterable {
    case uint8 = "Byte"
    case uint16 = "UInt16"
    case int16 = "Int16"
    case uint32 = "UInt32"
    case int32 = "Int32"
    case uint64 = "UInt64"
    case int64 = "Int64"
    case float32 = "Float32"
    case float64 = "Float64"
    case complexInt16 = "CInt16"
    case complexInt32 = "CInt32"
    case complexFloat32 = "CFloat32"
    case complexFloat64 = "CFloat64"

    public var byteCount: Int {
        switch self {
        case .uint8: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32, .complexInt16: 4
        case .uint64, .int64, .float64, .complexInt32, .complexFloat32: 8
        case .complexFloat64: 16
        }
    }

    public var isComplex: Bool {
        switch self {
        case .complexInt16, .complexInt32, .complexFloat32, .complexFloat64: true
        default: false
        }
    }

    public var isFloatingPoint: Bool { self == .float32 || self == .float64 }

    init?(gdal: GDALDataType) {
        guard let name = GDALGetDataTypeName(gdal) else { return nil }
        self.init(rawValue: String(cString: name))
    }

    var gdal: GDALDataType { GDALGetDataTypeByName(rawValue) }
}

/// A Swift type that GDAL fills buffers of, converting where the raster's own type differs (rounding and clamping).
public protocol RasterSample: Comparable, Sendable, BitwiseCopyable {
    static var dataType: DataType { get }
    static var zero: Self { get }
}

extension UInt8: RasterSample { public static var dataType: DataType { .uint8 } }
extension UInt16: RasterSample { public static var dataType: DataType { .uint16 } }
extension Int16: RasterSample { public static var dataType: DataType { .int16 } }
extension UInt32: RasterSample { public static var dataType: DataType { .uint32 } }
extension Int32: RasterSample { public static var dataType: DataType { .int32 } }
extension Float: RasterSample { public static var dataType: DataType { .float32 } }
extension Double: RasterSample { public static var dataType: DataType { .float64 } }
