import Foundation

/// An element type that has a one-dimensional array type of its own.
public protocol SQLArrayElement: SQLEncodable, SQLDecodable {
    static var sqlArrayType: SQLType { get }
}

extension Int: SQLArrayElement { public static var sqlArrayType: SQLType { .int8Array } }
extension String: SQLArrayElement { public static var sqlArrayType: SQLType { .textArray } }
extension Float: SQLArrayElement { public static var sqlArrayType: SQLType { .float4Array } }
extension Double: SQLArrayElement { public static var sqlArrayType: SQLType { .float8Array } }
extension UUID: SQLArrayElement { public static var sqlArrayType: SQLType { .uuidArray } }

/// Layout of `array_send`: dimensions, has-null flag, element type, then per dimension its length and lower bound, then the
/// elements, each with its length before it.
extension Array: SQLParameter where Element: SQLArrayElement {}

extension Array: SQLEncodable where Element: SQLArrayElement {
    public static var sqlType: SQLType { Element.sqlArrayType }

    @inlinable
    public func encodeSQL(into bytes: inout [UInt8]) {
        bytes.appendBigEndian(Int32(isEmpty ? 0 : 1))
        bytes.appendBigEndian(Int32(0))
        bytes.appendBigEndian(Element.sqlType.rawValue)
        guard !isEmpty else { return }
        bytes.appendBigEndian(Int32(count))
        bytes.appendBigEndian(Int32(1))
        for element in self { bytes.appendLengthPrefixed(element) }
    }
}

extension Array: SQLDecodable where Element: SQLArrayElement {
    /// Throws for more than one dimension and for NULL elements.
    public init(sql field: SQLField) throws {
        let dimensions = try field.integer(Int32.self)
        guard dimensions <= 1 else { throw field.mismatch(expected: "a one-dimensional array") }
        self = []
        guard dimensions == 1 else { return }
        let elementType = SQLType(rawValue: try field.integer(UInt32.self, at: 8))
        let count = Int(try field.integer(Int32.self, at: 12))
        reserveCapacity(count)
        var offset = 20
        for _ in 0..<count {
            let length = Int(try field.integer(Int32.self, at: offset))
            guard length >= 0 else { throw field.mismatch(expected: "no NULL among the elements") }
            append(try Element(sql: try field.slice(offset + 4..<offset + 4 + length, as: elementType)))
            offset += 4 + length
        }
    }
}

extension [UInt8] {
    /// The value with its byte count before it, as array elements and COPY fields are.
    @inlinable
    mutating func appendLengthPrefixed(_ value: some SQLEncodable) {
        let start = count
        appendBigEndian(Int32(0))
        value.encodeSQL(into: &self)
        patchLength(at: start)
    }

    /// Writes the number of bytes after the 4-byte length at `start` into it.
    @inlinable
    mutating func patchLength(at start: Int) {
        let length = UInt32(count - start - 4).bigEndian
        withUnsafeMutableBytes { $0.storeBytes(of: length, toByteOffset: start, as: UInt32.self) }
    }
}
