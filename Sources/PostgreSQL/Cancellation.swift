import CLibPQ
import Synchronization

/// Stops the statement that a ``Connection`` is running, from any thread.
///
/// libpq manual, 34.7: `PQcancel` may be called from a thread other than the one that uses the connection; a `PGcancel` is a
/// copy of the address and secret that the server asks for, so it may outlive the connection. The lock keeps the handle to
/// one caller at a time.
public final class Cancellation: Sendable {
    /// The `PGcancel*` as an address: a pointer is not `Sendable`, this one is used under the lock only.
    private let address: Mutex<UInt>

    init(owning handle: OpaquePointer) { address = Mutex(UInt(bitPattern: handle)) }

    deinit { address.withLock { PQfreeCancel(OpaquePointer(bitPattern: $0)) } }

    /// Asks the server to stop; the statement then throws ``PostgreSQLError`` with `queryCanceled`, unless it ends first.
    public func cancel() throws {
        try address.withLock { address in
            var message = [CChar](repeating: 0, count: 256)
            guard PQcancel(OpaquePointer(bitPattern: address), &message, Int32(message.count)) == 1 else {
                let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                throw PostgreSQLError(operation: "cancel a statement", message: text)
            }
        }
    }
}
