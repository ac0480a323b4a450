import Foundation

/// An exclusive lock between processes on a file, held until this object goes.
final class FileLock {
    private let descriptor: Int32

    /// Waits for whoever holds it. flock(2): the kernel frees it when its holder dies.
    init(_ file: URL) throws {
        descriptor = open(file.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError(operation: "lock", thing: file.path, reason: String(cString: strerror(errno)), code: .cluster)
        }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else {
                throw StoreError(operation: "lock", thing: file.path, reason: String(cString: strerror(errno)), code: .cluster)
            }
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
}
