import Foundation

extension Int: SQLEncodable, SQLDecodable {
    public static var sqlType: SQLType { .int8 }
    @inlinable
    public func encodeSQL(into bytes: inout [UInt8]) { bytes.appendBigEndian(Int64(self)) }
    public init(sql field: SQLField) throws {
        switch field.type {
        case .int8: self = Int(try field.integer(Int64.self))
        case .int4: self = Int(try field.integer(Int32.self))
        case .int2: self = Int(try field.integer(Int16.self))
        case .oid: self = Int(try field.integer(UInt32.self))
        default: throw field.mismatch(expected: "an integer")
        }
    }
}

extension Int32: SQLEncodable, SQLDecodable {
    public static var sqlType: SQLType { .int4 }
    @inlinable
    public func encodeSQL(into bytes: inout [UInt8]) { bytes.appendBigEndian(self) }
    public init(sql field: SQLField) throws {
        guard let value = Int32(exactly: try Int(sql: field)) else { throw field.mismatch(expected: "a 32-bit integer") }
        self = value
    }
}

extension Double: SQLEncodable, SQLDecodable {
    public static var sqlType: SQLType { .float8 }
    @inlinable
    public func encodeSQL(into bytes: inout [UInt8]) { bytes.appendBigEndian(bitPattern) }
    public init(sql field: SQLField) throws {
        switch field.type {
        case .float8: self = Double(bitPattern: try field.integer(UInt64.self))
        case .float4: self = Double(Float(bitPattern: try field.integer(UInt32.self)))
        case .int8, .int4, .int2: self = Double(try Int(sql: field))
        default: throw field.mismatch(expected: "a floating-point number")
        }
    }
}

extension Float: SQLEncodable, SQLDecodable {
    public static var sqlType: SQLType { .float4 }
    @inlinable
    public func encodeSQL(into bytes: inout [UInt8]) { bytes.appendBigEndian(bitPattern) }
    public init(sql field: SQLField) throws {
        guard field.type == .float4 else { throw field.mismatch(expected: "a 32-bit float") }
        self = Float(bitPattern: try field.integer(UInt32.self))
    }
}

extension Bool: SQLEncodable, SQLDecodable {
    public static var sqlType: SQLType { .bool }
    @inlinable
    public func encodeSQL(into bytes: inout [UInt8]) { bytes.append(self ? 1 : 0) }
    public init(sql field: SQLField) throws {
        guard field.type == .bool else { throw field.mismatch(expected: "a boolean") }
        self = try field.integer(UInt8.self) != 0
    }
}

extension String: SQLEncodable, SQLDecodable {
    public static var sqlType: SQLType { .text }
    @inlinable
    public func encodeSQL(into bytes: inout [UInt8]) { bytes.append(contentsOf: utf8) }
    /// Any type whose binary form is its text (text, varchar, name, json, enums), and jsonb.
    public init(sql field: SQLField) throws {
        // jsonb_send puts a version byte, 1, before the text.
        let text = field.type == .jsonb ? UnsafeRawBufferPointer(rebasing: field.bytes.dropFirst()) : field.bytes
        guard let value = String(validating: text, as: UTF8.self) else { throw field.mismatch(expected: "text") }
        self = value
    }
}

extension UUID: SQLEncodable, SQLDecodable {
    public static var sqlType: SQLType { .uuid }
    public func encodeSQL(into bytes: inout [UInt8]) { withUnsafeBytes(of: uuid) { bytes.append(contentsOf: $0) } }
    public init(sql field: SQLField) throws {
        guard field.type == .uuid, field.bytes.count == 16 else { throw field.mismatch(expected: "a uuid") }
        self.init(uuid: field.bytes.loadUnaligned(as: uuid_t.self))
    }
}

/// `timestamptz`: microseconds since 2000-01-01 00:00 UTC.
extension Date: SQLEncodable, SQLDecodable {
    /// 2000-01-01 00:00 UTC in seconds of the Unix epoch.
    private static let postgresEpoch = 946_684_800.0

    public static var sqlType: SQLType { .timestamptz }
    public func encodeSQL(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(Int64(((timeIntervalSince1970 - Self.postgresEpoch) * 1e6).rounded()))
    }
    public init(sql field: SQLField) throws {
        switch field.type {
        case .timestamptz, .timestamp:
            // Whole seconds and the rest apart, so that microseconds survive the division.
            let (seconds, rest) = try field.integer(Int64.self).quotientAndRemainder(dividingBy: 1_000_000)
            self.init(timeIntervalSince1970: Self.postgresEpoch + Double(seconds) + Double(rest) / 1e6)
        case .date:
            self.init(timeIntervalSince1970: Self.postgresEpoch + Double(try field.integer(Int32.self)) * 86_400)
        default: throw field.mismatch(expected: "a timestamp")
        }
    }
}

extension Optional: SQLDecodable where Wrapped: SQLDecodable {
    public init(sql field: SQLField) throws { self = .some(try Wrapped(sql: field)) }
    public static func fromNull(_ field: SQLField) throws -> Self { nil }
}

/// The raw binary form of any column: bytea, geometry (EWKB), halfvec.
public struct SQLBytes: Hashable, Sendable, SQLEncodable, SQLDecodable {
    public var bytes: [UInt8]
    public init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    public static var sqlType: SQLType { .bytea }
    public func encodeSQL(into bytes: inout [UInt8]) { bytes.append(contentsOf: self.bytes) }
    public init(sql field: SQLField) throws { self.init(field.bytes) }
}

/// A parameter whose type the server infers from its place in the statement: text in the type's own input syntax.
///
/// For types without a fixed OID or without a Swift counterpart: `tstzrange`, `jsonb`, `halfvec`.
public struct SQLLiteral: Hashable, Sendable, SQLParameter {
    public var text: String
    public init(_ text: String) { self.text = text }
}
