import Foundation
import PostgreSQL
import TileStore

/// Another session's call, and what became of it. The session is used by one thread at a time.
final class Elsewhere: @unchecked Sendable {
    private let store: TileStore
    private let done = DispatchSemaphore(value: 0)
    private(set) var error: (any Error)?
    private let backendPID: Int

    init(_ store: TileStore) throws {
        self.store = store
        backendPID = Int(store.connection.backendPID)
    }

    func start(_ body: @escaping @Sendable (TileStore) throws -> Void) {
        Thread { [self] in
            do { try body(store) } catch { self.error = error }
            done.signal()
        }.start()
    }

    func wait() { done.wait() }

    /// Whether it waits for another session's lock, seen from a third one; false after ten seconds.
    func waitUntilBlocked(_ watcher: TileStore) throws -> Bool {
        for _ in 0..<200 {
            if try watcher.connection.query("SELECT cardinality(pg_blocking_pids($1::int)) > 0 AS blocked", [backendPID])[0]["blocked"] { return true }
            Thread.sleep(forTimeInterval: 0.05)
        }
        return false
    }
}
