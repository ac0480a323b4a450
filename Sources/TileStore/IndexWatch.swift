import Foundation
import PostgreSQL

/// Looks from a session of its own how far an index build is, on a thread, since the builder's own session waits for the build.
final class IndexWatch: Sendable {
    private let isOver = DispatchSemaphore(value: 0), ended = DispatchSemaphore(value: 0)

    /// Never throws: a build without progress is as good. `report` is called on the watch's thread, every `interval` seconds.
    init(_ builder: Connection, rows: Int, every interval: TimeInterval, report: @escaping @Sendable (IndexProgress) -> Void) {
        let process = builder.backendPID, open = builder.opener
        let thread = Thread { [self] in
            defer { ended.signal() }
            var session: Connection?
            while isOver.wait(timeout: .now() + interval) == .timedOut {
                if session == nil { session = try? open() }
                guard let session, let progress = try? Self.look(process, over: session, rows: rows) else { return }
                if let progress = progress.first { report(progress) }
            }
        }
        thread.name = "index watch"
        thread.start()
    }

    /// Returns when `report` will not be called any more.
    func end() {
        isOver.signal()
        ended.wait()
    }

    private static func look(_ process: Int, over session: Connection, rows: Int) throws -> [IndexProgress] {
        try session.query(
            "SELECT phase, rows_done, waits_for FROM tilescout.index_progress($1::int) WHERE phase IS NOT NULL", [process], operation: "watch an index build"
        ).map { IndexProgress(phase: try $0["phase"], rowsDone: try $0["rows_done"], rowsTotal: rows, waitsFor: try $0["waits_for"]) }
    }
}
