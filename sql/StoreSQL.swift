import Foundation

/// The .sql files of the schema, read from the bundle beside the binary.
public struct StoreSQL: Sendable {
    public struct File: Hashable, Sendable {
        public let name: String
        public let text: String
    }

    /// Schema, extensions and the table of migrations; safe to repeat.
    public let bootstrap: File
    /// `NNNN_name.sql` in order, each applied once.
    public let migrations: [File]
    /// Functions and views in order, applied again after every migration.
    public let functions: [File]

    /// Reads a folder that holds `bootstrap.sql`, `migrations/` and `functions/`.
    public init(folder: URL) throws {
        func file(_ url: URL) throws -> File {
            File(name: url.lastPathComponent, text: try String(contentsOf: url, encoding: .utf8))
        }
        func files(_ name: String) throws -> [File] {
            let found = try FileManager.default.contentsOfDirectory(at: folder.appending(path: name), includingPropertiesForKeys: nil)
            return try found.filter { $0.pathExtension == "sql" }.sorted { $0.lastPathComponent < $1.lastPathComponent }.map(file)
        }
        bootstrap = try file(folder.appending(path: "bootstrap.sql"))
        migrations = try files("migrations")
        functions = try files("functions")
    }

    /// The files that belong to this binary: beside it, under ../share/tilescout/sql, or where it was built.
    public static func bundled() throws -> StoreSQL {
        let binary = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let folders = [
            binary.appending(path: "tilescout_StoreSQL.resources"),
            binary.deletingLastPathComponent().appending(path: "share/tilescout/sql"),
        ]
        for folder in folders where FileManager.default.fileExists(atPath: folder.appending(path: "bootstrap.sql").path) {
            return try StoreSQL(folder: folder)
        }
        return try StoreSQL(folder: Bundle.module.bundleURL)
    }
}
