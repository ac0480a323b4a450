import Foundation
import Synchronization

/// Runs the stages of a pipeline, each on a thread of its own, and waits for all of them.
///
/// GDAL, oneDNN and libpq block and keep thread-local state, so a stage owns its thread from its first line to its last
/// and never sits in Swift's cooperative pool.
final class StageThreads: Sendable {
    /// Big enough for GDAL's deepest drivers; Foundation's default of 512 KiB is not.
    private static let stackSize = 8 << 20

    private let group = DispatchGroup()
    private let firstFailure = Mutex<(any Error)?>(nil)
    private let onFailure: @Sendable () -> Void

    /// - Parameter onFailure: called once, on the failing stage's thread: cancels the queues so that the others stop.
    init(onFailure: @escaping @Sendable () -> Void) {
        self.onFailure = onFailure
    }

    func start(_ name: String, _ body: @escaping @Sendable () throws -> Void) {
        group.enter()
        let thread = Thread { [self] in
            defer { group.leave() }
            do {
                try body()
            } catch {
                fail(error)
            }
        }
        thread.name = name
        thread.stackSize = Self.stackSize
        thread.start()
    }

    /// Records the first failure, and stops the others.
    func fail(_ error: any Error) {
        let isFirst = firstFailure.withLock { failure in
            if failure == nil {
                failure = error
                return true
            }
            return false
        }
        if isFirst { onFailure() }
    }

    /// Waits until every stage has returned.
    ///
    /// - Throws: the failure that came first; those that it caused in the other stages are its echoes.
    func join() throws {
        group.wait()
        if let failure = firstFailure.withLock({ $0 }) { throw failure }
    }
}
