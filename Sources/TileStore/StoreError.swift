/// What the store cannot do, and why, before or beside what PostgreSQL says.
public struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// PostgreSQL's programs or an extension are not installed.
        case missingSoftware
        /// The private cluster does not start, stop or fit its place.
        case cluster
        /// The database belongs to a newer tilescout, or its history was changed.
        case incompatibleSchema
        /// No schema yet, or one that lacks migrations.
        case notMigrated
        /// A value of the caller's outside its documented range.
        case invalidRequest
    }

    public let operation: String
    public let thing: String
    public let reason: String
    public let code: Code
    public let hint: String?

    public init(operation: String, thing: String, reason: String, code: Code, hint: String? = nil) {
        self.operation = operation
        self.thing = thing
        self.reason = reason
        self.code = code
        self.hint = hint
    }

    public var description: String {
        "cannot \(operation) \(thing): \(reason)" + (hint.map { "; \($0)" } ?? "")
    }
}
