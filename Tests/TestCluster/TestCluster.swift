import Foundation
import PostgreSQL
import TileStore

/// A private cluster under /tmp that all tests of a run share: started by the first that asks, stopped and removed when the
/// process ends. What a crashed run left behind goes when the next one starts.
public final class TestCluster: Sendable {
    public static let shared = Result { try TestCluster() }

    public let cluster: PrivateCluster
    public let folder: URL

    private static let prefix = "tilescout-test-"
    private static let others = "others"

    private convenience init() throws {
        Self.removeLeftovers()
        let folder = URL(fileURLWithPath: "/tmp/\(Self.prefix)\(ProcessInfo.processInfo.processIdentifier)")
        try self.init(folder: folder, sharedBuffers: "256MB")
        Self.removeAtExit(folder)
    }

    /// Another server, for tests of several of them; it goes when the shared one does.
    public convenience init(named name: String) throws {
        try self.init(folder: try Self.shared.get().folder.appending(path: "\(Self.others)/\(name)"), sharedBuffers: "64MB")
    }

    private init(folder: URL, sharedBuffers: String) throws {
        self.folder = folder
        // Nothing here outlives the test: durability would only cost time.
        cluster = try PrivateCluster(dataRoot: folder, localSettings: [
            "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": sharedBuffers, "max_connections": "100",
        ])
        try cluster.start()
        let store = TileStore(connection: try cluster.connect())
        try store.migrate()
        // Databases of single tests are copies of this one. A copy needs it unused, so that no test may connect to it.
        try cluster.connect(database: "postgres").execute(script: "ALTER DATABASE tilescout IS_TEMPLATE true ALLOW_CONNECTIONS false")
    }

    /// A new, empty, unmigrated database.
    public func emptyDatabase() throws -> Connection { try database(from: "template0") }

    /// A new database with the schema in it and nothing else.
    public func migratedDatabase() throws -> Connection { try database(from: "tilescout") }

    /// Another connection to the database of `connection`.
    public func another(like connection: Connection) throws -> Connection {
        let name: String = try connection.query("SELECT current_database() AS name")[0]["name"]
        return try cluster.connect(database: name)
    }

    private func database(from template: String) throws -> Connection {
        let name = "test_" + UUID().uuidString.lowercased().replacing("-", with: "_")
        let maintenance = try cluster.connect(database: "postgres")
        // Tests that run side by side copy one after the other: a copy uses its template.
        try maintenance.query("SELECT pg_advisory_lock(1)")
        try maintenance.execute(script: "CREATE DATABASE \(name) TEMPLATE \(template)")
        return try cluster.connect(database: name)
    }

    private static func removeAtExit(_ folder: URL) {
        setenv("TILESCOUT_TEST_FOLDER", folder.path, 1)
        atexit {
            guard let folder = getenv("TILESCOUT_TEST_FOLDER") else { return }
            TestCluster.remove(URL(fileURLWithPath: String(cString: folder)))
        }
    }

    private static func removeLeftovers() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/tmp")) ?? [] where name.hasPrefix(prefix) {
            guard let process = Int32(name.dropFirst(prefix.count)), kill(process, 0) != 0, errno == ESRCH else { continue }
            remove(URL(fileURLWithPath: "/tmp").appending(path: name))
        }
    }

    private static func remove(_ folder: URL) {
        let others = folder.appending(path: others)
        for name in (try? FileManager.default.contentsOfDirectory(atPath: others.path)) ?? [] {
            try? PrivateCluster(dataRoot: others.appending(path: name)).stop()
        }
        try? PrivateCluster(dataRoot: folder).stop()
        try? FileManager.default.removeItem(at: folder)
    }
}
