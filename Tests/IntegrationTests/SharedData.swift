import Foundation
import Testing

/// Real scenes that are not part of the repository.
enum SharedData {
    /// Why a test that needs them does not run.
    static let absence: Comment = "needs ../shared/data (or TILESCOUT_SHARED_DATA): it did not run"

    /// `$TILESCOUT_SHARED_DATA`, or `../shared/data` beside the repository; nil where neither is there.
    static var folder: URL? {
        let repository = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let folder = ProcessInfo.processInfo.environment["TILESCOUT_SHARED_DATA"].map { URL(fileURLWithPath: $0) }
            ?? repository.deletingLastPathComponent().appendingPathComponent("shared/data")
        return FileManager.default.fileExists(atPath: folder.appendingPathComponent("scenes").path) ? folder : nil
    }
}
