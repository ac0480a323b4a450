import Foundation

/// What went wrong between us and PostgreSQL, as one sentence a person can act on.
///
/// The description never contains a password: libpq is not asked to repeat connection strings, and what it says of a
/// connection attempt is passed through ``Conninfo/redacted(_:)``.
public struct PostgreSQLError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was attempted, as an infinitive without "to": `connect to the database`, `merge tiles`.
    public var operation: String
    /// The server's five-character code (PostgreSQL manual, appendix A); nil when the error is the client's own.
    public var sqlstate: String?
    public var message: String
    public var detail: String?
    public var hint: String?
    /// The connection cannot be used any more: server stopped, crashed, backend killed or network gone.
    public var connectionLost: Bool
    /// Where the server keeps its files; nil unless whoever connected runs it.
    public var serverFolder: URL?

    public init(
        operation: String, sqlstate: String? = nil, message: String, detail: String? = nil, hint: String? = nil,
        connectionLost: Bool = false, serverFolder: URL? = nil
    ) {
        self.operation = operation
        self.sqlstate = sqlstate
        self.message = message
        self.detail = detail
        self.hint = hint
        self.connectionLost = connectionLost
        self.serverFolder = serverFolder
    }

    public var description: String {
        var text = "cannot \(operation): \(message)"
        if let detail, !detail.isEmpty { text += ": \(detail)" }
        if let sqlstate { text += " (PostgreSQL \(sqlstate))" }
        if let hint, !hint.isEmpty { text += "; \(hint)" }
        return text
    }
}

extension PostgreSQLError {
    /// Codes that callers branch on. The names are those of the manual's appendix A.
    public enum State {
        public static let uniqueViolation = "23505"
        public static let undefinedTable = "42P01"
        public static let undefinedFunction = "42883"
        public static let undefinedFile = "58P01"
        public static let insufficientPrivilege = "42501"
        public static let invalidParameterValue = "22023"
        public static let noDataFound = "P0002"
        public static let objectNotInPrerequisiteState = "55000"
        public static let objectInUse = "55006"
        public static let queryCanceled = "57014"
        public static let lockNotAvailable = "55P03"
        public static let diskFull = "53100"
        public static let serializationFailure = "40001"
        public static let deadlockDetected = "40P01"
    }

    /// True for faults that the same transaction, run again, may not meet: serialization failures and deadlocks.
    public var isTransient: Bool {
        sqlstate == State.serializationFailure || sqlstate == State.deadlockDetected
    }
}
