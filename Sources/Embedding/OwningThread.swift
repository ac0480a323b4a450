import Foundation
import Synchronization

/// A thread that owns a state, which is made, used and freed on it: OpenMP's thread count and oneDNN's streams are per thread.
public final class OwningThread<State>: Sendable {
    private struct Mailbox {
        var jobs: [@Sendable (Result<State, any Error>) -> Void] = []
        var stops = false
    }

    private final class Channel: Sendable {
        let mailbox = Mutex(Mailbox())
        let posted = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
    }

    private let channel = Channel()

    /// Starts the thread; `begin { _ in }.wait()` says whether its state could be made. Where `make` fails, every job fails with its error.
    public init(name: String, _ make: @escaping @Sendable () throws -> State) {
        let channel = self.channel
        let thread = Thread {
            OwningThread.serve(make, channel)
            channel.ended.signal()
        }
        thread.name = name
        thread.start()
    }

    deinit {
        channel.mailbox.withLock { $0.stops = true }
        channel.posted.signal()
        channel.ended.wait()
    }

    /// Begins a job; `wait()` for its result.
    public func begin<Answer: Sendable>(_ job: @escaping @Sendable (State) throws -> Answer) -> Pending<Answer> {
        let pending = Pending<Answer>()
        channel.mailbox.withLock { mailbox in
            mailbox.jobs.append { state in pending.fulfil(Result { try job(state.get()) }) }
        }
        channel.posted.signal()
        return pending
    }

    private static func serve(_ make: @Sendable () throws -> State, _ channel: Channel) {
        let state = Result { try make() }
        while true {
            channel.posted.wait()
            let job = channel.mailbox.withLock { $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }
            guard let job else { return }
            job(state)
        }
    }
}

/// The result of a job that another thread does.
public final class Pending<Answer: Sendable>: Sendable {
    private let result = Mutex<Result<Answer, any Error>?>(nil)
    private let done = DispatchSemaphore(value: 0)

    fileprivate func fulfil(_ answer: Result<Answer, any Error>) {
        result.withLock { $0 = answer }
        done.signal()
    }

    /// Blocks until it is there; once.
    public func wait() throws -> Answer {
        done.wait()
        return try result.withLock { $0! }.get()
    }
}
