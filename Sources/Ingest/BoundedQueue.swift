import Foundation

/// A first-in first-out hand-off between the threads of two stages, holding at most `capacity` elements.
///
/// The stages call blocking C (GDAL, oneDNN, libpq) on threads of their own, so the hand-off blocks too: a full queue
/// stops its producer, which is what bounds the memory of an ingest. An asynchronous channel would put those C calls on
/// the cooperative pool.
final class BoundedQueue<Element: Sendable>: @unchecked Sendable {
    // `@unchecked`: every stored property is read and written with `condition` locked.
    private let condition = NSCondition()
    private let capacity: Int
    private var elements: [Element] = []
    private var head = 0
    private var isFinished = false
    private var isCancelled = false

    init(capacity: Int) {
        precondition(capacity > 0, "a queue holds at least one element")
        self.capacity = capacity
    }

    private var count: Int { elements.count - head }

    /// Waits for room, then appends.
    ///
    /// - Throws: `CancellationError` once the queue is cancelled: the consumer is gone.
    func send(_ element: Element) throws {
        condition.lock()
        defer { condition.unlock() }
        while count >= capacity && !isCancelled { condition.wait() }
        if isCancelled { throw CancellationError() }
        precondition(!isFinished, "sent to a queue that is finished")
        elements.append(element)
        condition.broadcast()
    }

    /// Waits for an element; nil when the producers have finished and nothing is left, or after `deadline` where there is one.
    ///
    /// - Throws: `CancellationError` once the queue is cancelled.
    func receive(until deadline: Date? = nil) throws -> Element? {
        condition.lock()
        defer { condition.unlock() }
        while count == 0 && !isFinished && !isCancelled {
            guard let deadline else {
                condition.wait()
                continue
            }
            guard condition.wait(until: deadline) else { break }
        }
        if isCancelled { throw CancellationError() }
        guard count > 0 else { return nil }
        let element = elements[head]
        head += 1
        if head == elements.count {
            elements.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= capacity {
            elements.removeFirst(head)
            head = 0
        }
        condition.broadcast()
        return element
    }

    /// Receives up to `limit` elements: waits without end for the first, and at most `patience` for the others.
    ///
    /// - Returns: an empty array only when the producers have finished and nothing is left.
    func receiveBatch(limit: Int, patience: TimeInterval) throws -> [Element] {
        guard let first = try receive() else { return [] }
        var batch = [first]
        batch.reserveCapacity(limit)
        let deadline = Date(timeIntervalSinceNow: patience)
        while batch.count < limit, let next = try receive(until: deadline) {
            batch.append(next)
        }
        return batch
    }

    /// The producers have sent their last element.
    func finish() {
        condition.lock()
        isFinished = true
        condition.broadcast()
        condition.unlock()
    }

    /// Drops what waits and wakes everyone: a stage has failed.
    func cancel() {
        condition.lock()
        isCancelled = true
        elements.removeAll()
        head = 0
        condition.broadcast()
        condition.unlock()
    }
}
