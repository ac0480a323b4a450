import Foundation

/// The entries of one directory, each with its kind: one readdir(3) pass, without a stat(2) for each.
struct FolderListing {
    struct Entry {
        var name: String
        var isDirectory: Bool
        var isLink: Bool
    }

    /// By name.
    let entries: [Entry]

    /// - Throws: `TilingError` where the directory cannot be read.
    init(_ folder: String) throws {
        guard let stream = opendir(folder) else {
            throw TilingError(operation: "search", thing: folder, reason: FileStatus.reason(of: errno), code: .unreadable)
        }
        defer { closedir(stream) }
        var entries: [Entry] = []
        while let next = readdir(stream) {
            let name = withUnsafeBytes(of: &next.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name == "." || name == ".." { continue }
            var (isDirectory, isLink) = (next.pointee.d_type == UInt8(DT_DIR), next.pointee.d_type == UInt8(DT_LNK))
            // Links, and file systems that do not tell (readdir(3), d_type).
            if isLink || next.pointee.d_type == UInt8(DT_UNKNOWN) {
                let path = folder + "/" + name
                var status = stat()
                isLink = lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
                isDirectory = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
            }
            entries.append(Entry(name: name, isDirectory: isDirectory, isLink: isLink))
        }
        self.entries = entries.sorted { $0.name < $1.name }
    }
}
