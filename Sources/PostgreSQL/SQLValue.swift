import Foundation

/// What can stand for a `$n`: a typed value, or a ``SQLLiteral`` that the server types.
public protocol SQLParameter {}

/// A Swift value that travels to the server as a `$n` parameter or a COPY field, in PostgreSQL's binary format.
///
/// Encodings: PostgreSQL source, `src/backend/utils/adt`, the `*_send` and `*_recv` pairs; all integers big-endian.
public protocol SQLEncodable: SQLParameter {
    /// The type's OID in `pg_type.dat`: what the server takes the parameter to be.
    static var sqlType: SQLType { get }
    func encodeSQL(into bytes: inout [UInt8])
}

/// A Swift value that can be read from a result column in binary format.
public protocol SQLDecodable {
    /// `field` is never NULL here: `Optional` takes NULL.
    init(sql field: SQLField) throws
    /// The value of NULL; throws unless the type has one.
    static func fromNull(_ field: SQLField) throws -> Self
}

extension SQLDecodable {
    public static func fromNull(_ field: SQLField) throws -> Self {
        throw field.mismatch(expected: "a value", found: "NULL")
    }
}

/// Built-in type OIDs (`pg_type.dat`). Extension types (geometry, halfvec) have none that is fixed.
public struct SQLType: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let unknown = SQLType(rawValue: 0)
    public static let bool = SQLType(rawValue: 16)
    public static let bytea = SQLType(rawValue: 17)
    public static let int8 = SQLType(rawValue: 20)
    public static let int2 = SQLType(rawValue: 21)
    public static let int4 = SQLType(rawValue: 23)
    public static let text = SQLType(rawValue: 25)
    public static let oid = SQLType(rawValue: 26)
    public static let float4 = SQLType(rawValue: 700)
    public static let float8 = SQLType(rawValue: 701)
    public static let date = SQLType(rawValue: 1082)
    public static let timestamp = SQLType(rawValue: 1114)
    public static let timestamptz = SQLType(rawValue: 1184)
    public static let uuid = SQLType(rawValue: 2950)
    public static let jsonb = SQLType(rawValue: 3802)
    public static let textArray = SQLType(rawValue: 1009)
    public static let int8Array = SQLType(rawValue: 1016)
    public static let float4Array = SQLType(rawValue: 1021)
    public static let float8Array = SQLType(rawValue: 1022)
    public static let uuidArray = SQLType(rawValue: 2951)
}

/// One non-NULL or NULL field of a result: its bytes, and what is needed to name it in an error.
public struct SQLField {
    public let type: SQLType
    public let bytes: UnsafeRawBufferPointer
    public let column: String

    func mismatch(expected: String, found: String? = nil) -> PostgreSQLError {
        PostgreSQLError(
            operation: "read column \(column)",
            message: "expected \(expected), found \(found ?? "type \(type.rawValue) of \(bytes.count) bytes")")
    }

    /// The big-endian integer at `offset`.
    func integer<T: FixedWidthInteger>(_: T.Type, at offset: Int = 0) throws -> T {
        guard offset >= 0, offset + MemoryLayout<T>.size <= bytes.count else { throw mismatch(expected: "\(T.self)") }
        return T(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
    }

    func slice(_ range: Range<Int>, as type: SQLType) throws -> SQLField {
        guard range.lowerBound >= 0, range.upperBound <= bytes.count else { throw mismatch(expected: "\(range.count) bytes") }
        return SQLField(type: type, bytes: UnsafeRawBufferPointer(rebasing: bytes[range]), column: column)
    }
}

extension [UInt8] {
    /// Appends `value` big-endian, as every integer of the wire protocol is.
    @inlinable
    mutating func appendBigEndian<T: FixedWidthInteger>(_ value: T) {
        Swift.withUnsafeBytes(of: value.bigEndian) { self.append(contentsOf: $0) }
    }
}
