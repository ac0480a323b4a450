import Foundation
import Synchronization

/// How long each stage was at work, waiting not counted: shows which stage bounds the whole.
final class BusyClock: Sendable {
    private let seconds = Mutex<[String: TimeInterval]>([:])

    func measure<Result>(_ stage: String, _ body: () throws -> Result) rethrows -> Result {
        let started = DispatchTime.now().uptimeNanoseconds
        defer {
            let elapsed = Double(DispatchTime.now().uptimeNanoseconds - started) / 1e9
            seconds.withLock { $0[stage, default: 0] += elapsed }
        }
        return try body()
    }

    var total: [String: TimeInterval] { seconds.withLock { $0 } }
}
