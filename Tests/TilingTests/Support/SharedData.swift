import Foundation

/// Optional data beside the repository, or where TILESCOUT_SHARED_DATA says.
enum SharedData {
    static let root: String = {
        if let stated = ProcessInfo.processInfo.environment["TILESCOUT_SHARED_DATA"] { return stated }
        let repository = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return repository.deletingLastPathComponent().appendingPathComponent("shared/data").path
    }()

    static func files(in folder: String) -> [String] {
        let path = root + "/" + folder
        return ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted().map { path + "/" + $0 }
    }

    static var isThere: Bool { !files(in: "scenes").isEmpty }
}
