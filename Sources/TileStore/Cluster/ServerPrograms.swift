import Foundation

/// The folder with initdb, pg_ctl and postgres of one major version.
struct ServerPrograms {
    let folder: URL
    let majorVersion: Int

    var initdb: String { folder.appending(path: "initdb").path }
    var pgCtl: String { folder.appending(path: "pg_ctl").path }

    /// The version that made `data`, if that exists; else the newest installed with PostGIS and pgvector, else the newest.
    static func find(for data: URL) throws -> ServerPrograms {
        let root = URL(fileURLWithPath: "/usr/lib/postgresql")
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []).compactMap(Int.init).sorted(by: >)
        let installed = versions.map { ServerPrograms(folder: root.appending(path: "\($0)/bin"), majorVersion: $0) }
            .filter { FileManager.default.isExecutableFile(atPath: $0.pgCtl) && FileManager.default.isExecutableFile(atPath: $0.initdb) }
        guard let newest = installed.first else {
            throw StoreError(
                operation: "run", thing: "a private PostgreSQL cluster", reason: "no PostgreSQL server is installed under \(root.path)",
                code: .missingSoftware, hint: "run scripts/setup, or apt-get install postgresql-15 postgresql-15-postgis-3")
        }
        if let text = try? String(contentsOf: data.appending(path: "PG_VERSION"), encoding: .utf8),
           let made = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) {
            guard let match = installed.first(where: { $0.majorVersion == made }) else {
                throw StoreError(
                    operation: "start", thing: data.path, reason: "PostgreSQL \(made) made it, installed is \(newest.majorVersion)",
                    code: .missingSoftware, hint: "install postgresql-\(made), or move the data with pg_upgrade")
            }
            return match
        }
        return installed.first(where: \.hasExtensions) ?? newest
    }

    private var hasExtensions: Bool {
        ["postgis", "vector"].allSatisfy {
            FileManager.default.fileExists(atPath: "/usr/share/postgresql/\(majorVersion)/extension/\($0).control")
        }
    }
}
