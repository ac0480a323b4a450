import Foundation
import PostgreSQL
import Synchronization

/// Cancels what `connection` runs while `body` is under way: again and again, because the statement may not have begun when the
/// first cancellation arrives, and from a thread, because blocking tests may hold every thread of the cooperative pool.
///
/// - Throws: what `body` throws, or else the first cancellation that failed.
public func cancelling<Value>(_ connection: Connection, _ body: () throws -> Value) throws -> Value {
    let cancellation = try connection.cancellation()
    let isOver = Atomic<Bool>(false)
    let failure = Mutex<(any Error)?>(nil)
    let ended = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
        defer { ended.signal() }
        while !isOver.load(ordering: .relaxed) {
            Thread.sleep(forTimeInterval: 0.1)
            do {
                try cancellation.cancel()
            } catch {
                failure.withLock { $0 = $0 ?? error }
            }
        }
    }
    let result = Result { try body() }
    isOver.store(true, ordering: .relaxed)
    ended.wait()
    // May meet a cancellation that was still on its way.
    _ = try? connection.query("SELECT 1")
    let value = try result.get()
    if let failure = failure.withLock({ $0 }) { throw failure }
    return value
}
