/// Writes rows in the binary format of COPY (PostgreSQL manual, COPY, "Binary Format"): a signature, then per row its number
/// of fields and each field's length and bytes, then −1.
///
/// A pure encoder: ``Connection/copyIn(_:columns:rows:operation:encode:)`` sends what it makes. It and the values' encodings are inlinable, because a row
/// takes twice as long where the compiler does not know the types of its fields.
public struct BinaryCopy {
    /// Bytes gathered before they are handed to libpq, as one message. The server looks at a message when it has all of it, and libpq sends the last 8 KiB
    /// of one with the next: a Unix socket (200 KiB, net.core.wmem_default) has to hold several, or server and client wait for each other in turn.
    public static let flushThreshold = 64 * 1024

    private static let signature: [UInt8] = Array("PGCOPY\n".utf8) + [0xFF] + Array("\r\n".utf8) + [0]

    @usableFromInline let columns: Int
    @usableFromInline var bytes: [UInt8]
    @usableFromInline var fieldsOfRow: Int

    public init(columns: Int) {
        precondition(columns > 0 && columns <= Int(Int16.max))
        self.columns = columns
        fieldsOfRow = columns
        bytes = Self.signature
        bytes.reserveCapacity(Self.flushThreshold * 2)
        bytes.appendBigEndian(Int32(0))  // flags: no OIDs
        bytes.appendBigEndian(Int32(0))  // length of the header extension
    }

    public var count: Int { bytes.count }

    @inlinable
    public mutating func beginRow() {
        precondition(fieldsOfRow == columns, "row ended after \(fieldsOfRow) of \(columns) fields")
        fieldsOfRow = 0
        bytes.appendBigEndian(Int16(columns))
    }

    /// Appends one field; nil is NULL.
    @inlinable
    public mutating func append<T: SQLEncodable>(_ value: T?) {
        countField()
        guard let value else { return bytes.appendBigEndian(Int32(-1)) }
        bytes.appendLengthPrefixed(value)
    }

    /// Appends a field that is in its type's binary form already, such as the EWKB of a geometry.
    @inlinable
    public mutating func append(raw field: some Collection<UInt8>) {
        countField()
        bytes.appendBigEndian(Int32(field.count))
        bytes.append(contentsOf: field)
    }

    /// Appends a pgvector `halfvec` (pgvector, `halfvec_recv`): int16 dimension, int16 zero, then each half, big-endian.
    /// Values are rounded to nearest, ties to even. A value beyond ±65504 becomes infinite, which the server refuses.
    @inlinable
    public mutating func append(halfvec values: some Collection<Float>) {
        precondition(values.count <= Int(Int16.max))
        countField()
        bytes.appendBigEndian(Int32(4 + 2 * values.count))
        bytes.appendBigEndian(Int16(values.count))
        bytes.appendBigEndian(Int16(0))
        let contiguous: Void? = values.withContiguousStorageIfAvailable { bytes.appendHalves($0) }
        if contiguous == nil { Array(values).withUnsafeBufferPointer { bytes.appendHalves($0) } }
    }

    /// Ends the rows. Nothing can be appended after this.
    public mutating func finish() {
        precondition(fieldsOfRow == columns, "row ended after \(fieldsOfRow) of \(columns) fields")
        bytes.appendBigEndian(Int16(-1))
    }

    /// Gives what was written since the last call.
    mutating func drain<T>(_ body: (UnsafeRawBufferPointer) throws -> T) rethrows -> T {
        defer { bytes.removeAll(keepingCapacity: true) }
        return try bytes.withUnsafeBytes(body)
    }

    @inlinable
    mutating func countField() {
        fieldsOfRow += 1
        precondition(fieldsOfRow <= columns, "more than \(columns) fields in a row")
    }
}
