import Foundation
import PostgreSQL

extension PostgreSQLError {
    /// What to tell of the disk where a private cluster is gone for want of room: PostgreSQL stops where no file of its log (16 MiB) fits any more, and
    /// can tell nobody why. nil: the server is still there, or somebody else's, or has room.
    public var fullDisk: String? {
        guard connectionLost, let folder = serverFolder,
            let free = try? FileManager.default.attributesOfFileSystem(forPath: folder.path)[.systemFreeSize] as? Int, free < 32 << 20
        else { return nil }
        return "its disk space is used up: \(free >> 20) MiB are left at \(folder.path), and the server needs 16 MiB at a time for its log"
    }
}
