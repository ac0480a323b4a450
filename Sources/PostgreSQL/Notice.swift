import CLibPQ

/// A NOTICE, WARNING or INFO that the server sent along.
public struct Notice: Hashable, Sendable {
    /// `WARNING`, `NOTICE`, `INFO`, … in English whatever the server's language.
    public let severity: String
    public let sqlstate: String
    public let message: String
}

/// Collects what libpq's notice receiver is called with; the receiver runs on the connection's own thread, inside its calls.
final class NoticeLog {
    /// A chatty server must not grow our memory: older notices go first.
    private static let limit = 1_000
    private var notices: [Notice] = []

    func record(_ result: OpaquePointer) {
        func text(_ field: UnsafePointer<CChar>?) -> String { field.map { String(cString: $0) } ?? "" }
        if notices.count >= Self.limit { notices.removeFirst(Self.limit / 2) }
        notices.append(Notice(
            severity: text(tilescout_pq_severity(result)), sqlstate: text(tilescout_pq_sqlstate(result)),
            message: text(tilescout_pq_message(result))))
    }

    func take() -> [Notice] {
        defer { notices = [] }
        return notices
    }
}
