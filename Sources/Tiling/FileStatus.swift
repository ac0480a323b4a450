import Foundation

/// What the file system says of a regular file.
struct FileStatus {
    let size: Int
    let modifiedMicroseconds: Int

    /// - Throws: `TilingError` where there is none, or it is not a regular file (after following links).
    init(path: String) throws {
        func refuse(_ reason: String) -> TilingError {
            TilingError(operation: "read", thing: path, reason: reason, code: .unreadable)
        }
        let real = (path as NSString).resolvingSymlinksInPath
        let attributes: [FileAttributeKey: Any]
        do {
            attributes = try FileManager.default.attributesOfItem(atPath: real)
        } catch {
            throw refuse(Self.reason(of: error))
        }
        switch attributes[.type] as? FileAttributeType {
        case FileAttributeType.typeRegular: break
        case FileAttributeType.typeDirectory: throw refuse("it is a directory")
        case FileAttributeType.typeSymbolicLink: throw refuse("the link leads nowhere")
        default: throw refuse("it is not a regular file")
        }
        size = (attributes[.size] as? NSNumber)?.intValue ?? 0
        let modified = (attributes[.modificationDate] as? Date) ?? Date(timeIntervalSince1970: 0)
        modifiedMicroseconds = Int((modified.timeIntervalSince1970 * 1e6).rounded())
    }

    /// One short sentence for an error of Foundation.
    static func reason(of error: any Error) -> String {
        let cocoa = error as? CocoaError
        switch cocoa?.code {
        case .fileNoSuchFile, .fileReadNoSuchFile: return "no such file"
        case .fileReadNoPermission, .fileWriteNoPermission: return "permission denied"
        case .fileWriteOutOfSpace: return "no space left on the device"
        case .fileWriteVolumeReadOnly: return "the file system is read-only"
        default: break
        }
        let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
        let posix = (error as? POSIXError).map { Int32($0.code.rawValue) }
            ?? (underlying?.domain == NSPOSIXErrorDomain ? Int32(underlying!.code) : nil)
        if let posix { return String(cString: strerror(posix)).lowercased() }
        return (error as NSError).localizedDescription
    }
}
