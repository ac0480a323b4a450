import CLibPQ

/// The rows that a statement returned, in binary format. Owns the `PGresult`; rows keep it alive.
public final class QueryResult: RandomAccessCollection {
    let handle: OpaquePointer
    private let columns: [String: Int32]

    init(owning handle: OpaquePointer) {
        self.handle = handle
        var columns: [String: Int32] = [:]
        for column in 0..<PQnfields(handle) { columns[String(cString: PQfname(handle, column))] = column }
        self.columns = columns
    }

    deinit { PQclear(handle) }

    public var startIndex: Int { 0 }
    public var endIndex: Int { Int(PQntuples(handle)) }
    public subscript(position: Int) -> Row {
        precondition(position >= 0 && position < endIndex, "row \(position) of \(endIndex)")
        return Row(result: self, index: Int32(position))
    }

    /// Rows touched by INSERT, UPDATE, DELETE or COPY; 0 for other commands.
    public var affectedRows: Int { Int(String(cString: PQcmdTuples(handle))) ?? 0 }

    fileprivate func field(row: Int32, column name: String) throws -> (SQLField, isNull: Bool) {
        guard let column = columns[name] else {
            throw PostgreSQLError(operation: "read column \(name)", message: "the result has only \(columns.keys.sorted().joined(separator: ", "))")
        }
        let bytes = UnsafeRawBufferPointer(
            start: PQgetvalue(handle, row, column), count: Int(PQgetlength(handle, row, column)))
        let field = SQLField(type: SQLType(rawValue: PQftype(handle, column)), bytes: bytes, column: name)
        return (field, PQgetisnull(handle, row, column) == 1)
    }
}

/// One row of a ``QueryResult``; columns are read by name, typed by what they are assigned to:
/// `let size: Int = try row["size"]`, `let cloud: Float? = try row["cloud_fraction"]`.
public struct Row {
    private let result: QueryResult
    private let index: Int32

    fileprivate init(result: QueryResult, index: Int32) {
        self.result = result
        self.index = index
    }

    /// Throws ``PostgreSQLError`` when there is no such column, its type does not fit, or it is NULL and `T` is no Optional.
    public subscript<T: SQLDecodable>(_ column: String) -> T {
        get throws {
            let (field, isNull) = try result.field(row: index, column: column)
            return isNull ? try T.fromNull(field) : try T(sql: field)
        }
    }
}
