import Foundation

/// A file that appears under its name when it is complete, and not at all otherwise: owns the descriptor of a
/// temporary file beside it, and removes that unless it was published.
final class PartialFile {
    /// Why writing failed; the first failure stays.
    private(set) var error: ContactSheetError?

    private let path: String
    private let partialPath: String
    private var descriptor: Int32

    /// - Throws: `ContactSheetError` where the folder does not take a new file.
    init(for path: String) throws {
        self.path = path
        partialPath = path + ".partial-\(getpid())"
        descriptor = open(partialPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw Self.failure(path, errno) }
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        unlink(partialPath)
    }

    /// - Returns: false where the disk is full or fails; `error` says why.
    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let written = Foundation.write(descriptor, rest.baseAddress, rest.count)
            if written < 0 {
                if errno == EINTR { continue }
                error = error ?? Self.failure(path, errno)
                return false
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
        return true
    }

    /// Gives the file its name, in the place of an earlier one.
    func publish() throws {
        // A network file system may report a full disk only here.
        guard fsync(descriptor) == 0, rename(partialPath, path) == 0 else { throw Self.failure(path, errno) }
        close(descriptor)
        descriptor = -1
    }

    private static func failure(_ path: String, _ number: Int32) -> ContactSheetError {
        ContactSheetError(
            operation: "write", thing: path, reason: String(cString: strerror(number)), code: .cannotWrite)
    }
}
