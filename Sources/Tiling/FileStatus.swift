import Foundation

/// What the file system says of a regular file.
struct FileStatus {
    let size: Int
    let modifiedNanoseconds: Int

    /// The years 1677 to 2262, which 64 bits hold in nanoseconds; a time beyond is taken for the end of them.
    private static let seconds = Int.min / 1_000_000_000...Int.max / 1_000_000_000 - 1

    var modifiedMicroseconds: Int { modifiedNanoseconds / 1000 }

    /// One call of stat(2): an archive of 100,000 scenes is looked at every night.
    /// - Throws: `TilingError` where there is none, or it is not a regular file (after following links).
    init(path: String) throws {
        func refuse(_ reason: String) -> TilingError {
            TilingError(operation: "read", thing: path, reason: reason, code: .unreadable)
        }
        var status = stat()
        guard stat(path, &status) == 0 else {
            let code = errno
            if code == ENOENT, lstat(path, &status) == 0 { throw refuse("the link leads nowhere") }
            throw refuse(Self.reason(of: code))
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw refuse("it is a directory")
        default: throw refuse("it is not a regular file")
        }
        size = Int(status.st_size)
        let seconds = min(max(Int(status.st_mtim.tv_sec), Self.seconds.lowerBound), Self.seconds.upperBound)
        modifiedNanoseconds = seconds * 1_000_000_000 + Int(status.st_mtim.tv_nsec)
    }

    /// One short sentence for a number of errno(3).
    static func reason(of code: Int32) -> String {
        switch code {
        case ENOENT: "no such file"
        case EACCES, EPERM: "permission denied"
        case ENOSPC: "no space left on the device"
        case EROFS: "the file system is read-only"
        default: String(cString: strerror(code)).lowercased()
        }
    }

    /// One short sentence for an error of Foundation.
    static func reason(of error: any Error) -> String {
        let cocoa = error as? CocoaError
        switch cocoa?.code {
        case .fileNoSuchFile, .fileReadNoSuchFile: return reason(of: ENOENT)
        case .fileReadNoPermission, .fileWriteNoPermission: return reason(of: EACCES)
        case .fileWriteOutOfSpace: return reason(of: ENOSPC)
        case .fileWriteVolumeReadOnly: return reason(of: EROFS)
        default: break
        }
        let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
        let posix = (error as? POSIXError).map { Int32($0.code.rawValue) }
            ?? (underlying?.domain == NSPOSIXErrorDomain ? Int32(underlying!.code) : nil)
        return posix.map(reason(of:)) ?? (error as NSError).localizedDescription
    }
}
