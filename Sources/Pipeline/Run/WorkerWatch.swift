import Foundation
import Synchronization
import TileStore

/// A worker's heartbeat and its limits, on a thread and a session of its own. A C library cannot be interrupted in the
/// middle of a block, so a scene that takes too long or too much ends the process, and the one that started it says why.
final class WorkerWatch: Sendable {
    private let source: QueueSource
    private let worker: String
    private let order: RunOrder
    private let parent: pid_t
    private let isOver = Atomic<Bool>(false)

    /// - Parameter parent: the process to end with.
    init(source: QueueSource, worker: String, order: RunOrder, parent: pid_t) {
        self.source = source
        self.worker = worker
        self.order = order
        self.parent = parent
    }

    /// Seconds between two looks at the limits.
    private static let interval: TimeInterval = 0.5

    func start(openStore: @escaping @Sendable () throws -> TileStore) {
        // Before anything is taken.
        endIfOrphaned(nil)
        let thread = Thread { [self] in
            // Without a heartbeat the leases run out and others take over: the flow meets the lost server by itself.
            var store = try? openStore()
            var renewed = SuspendingClock.now
            while !isOver.load(ordering: .relaxed) {
                Thread.sleep(forTimeInterval: Self.interval)
                endIfOrphaned(store)
                check()
                guard renewed.duration(to: .now) >= .seconds(order.workers.leaseSeconds) / 3 else { continue }
                renewed = .now
                do {
                    if store == nil { store = try openStore() }
                    try store?.renewLeases(worker: worker, leaseSeconds: order.workers.leaseSeconds)
                } catch {
                    store = nil
                }
            }
        }
        thread.name = "heartbeat"
        thread.start()
    }

    func stop() {
        isOver.store(true, ordering: .relaxed)
    }

    private func endIfOrphaned(_ store: TileStore?) {
        guard getppid() != parent else { return }
        // What it holds is free at once, not when the lease runs out.
        _ = try? store?.putBack(worker: worker)
        _exit(WorkerEnd.orphaned.rawValue)
    }

    private func check() {
        let latest = SuspendingClock.now - .seconds(order.limits.seconds)
        if source.underWay.contains(where: { $0.since.map { $0 < latest } ?? false }) {
            _exit(WorkerEnd.timeLimit.rawValue)
        }
        if Self.residentMiB > order.limits.memoryMiB { _exit(WorkerEnd.memoryLimit.rawValue) }
    }

    /// proc(5): the second number of statm is the resident set in pages.
    static var residentMiB: Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return 0 }
        return (pages * sysconf(Int32(_SC_PAGESIZE))) >> 20
    }
}
