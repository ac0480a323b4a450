/// The `$1, $2, …` of one statement, laid out as `PQexecParams` takes them.
struct Parameters {
    private var types: [UInt32] = []
    private var values: [[UInt8]?] = []
    private var formats: [Int32] = []

    init(_ parameters: [(any SQLParameter)?]) {
        for parameter in parameters {
            switch parameter {
            case nil:
                append(type: .unknown, value: nil, isBinary: false)
            case let literal as SQLLiteral:
                append(type: .unknown, value: Array(literal.text.utf8) + [0], isBinary: false)
            case let value as any SQLEncodable:
                var bytes: [UInt8] = []
                value.encodeSQL(into: &bytes)
                append(type: type(of: value).sqlType, value: bytes, isBinary: true)
            case let other?:
                preconditionFailure("\(type(of: other)) is no kind of SQL parameter we know")
            }
        }
    }

    private mutating func append(type: SQLType, value: [UInt8]?, isBinary: Bool) {
        types.append(type.rawValue)
        values.append(value)
        formats.append(isBinary ? 1 : 0)
    }

    /// Calls `body` with count, types, values, lengths and formats; the pointers live for the call only.
    func withUnsafeArrays<T>(
        _ body: (Int32, [UInt32], [UnsafePointer<CChar>?], [Int32], [Int32]) throws -> T
    ) rethrows -> T {
        // One block for all values, so that each has a stable address.
        var block: [UInt8] = []
        var offsets: [Int?] = []
        for value in values {
            offsets.append(value == nil ? nil : block.count)
            // Empty values still need an address of their own: NULL is told by a null pointer.
            block.append(contentsOf: value ?? [])
            block.append(0)
        }
        let lengths = values.map { Int32($0?.count ?? 0) }
        return try block.withUnsafeBufferPointer { buffer in
            let base = buffer.baseAddress.map { UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self) }
            let pointers = offsets.map { offset in offset.flatMap { base?.advanced(by: $0) } }
            return try body(Int32(values.count), types, pointers, lengths, formats)
        }
    }
}
