import Crypto
import Foundation
import PostgreSQL
import StoreSQL

/// Brings a database to this binary's schema: each migration once, in order, functions and views after every one.
public struct Migrator {
    /// pgvector before this has no iterative scans: searches would come back short.
    public static let oldestVector = [0, 8, 0]
    /// pgvector before this can overflow in parallel builds and damage an index in vacuum.
    public static let soundVector = [0, 8, 4]

    public struct Report: Hashable, Sendable {
        /// Names of the migrations applied now.
        public var applied: [String]
        /// The schema's version afterwards.
        public var version: Int
        public var warnings: [String]
    }

    private let connection: Connection
    private let sql: StoreSQL

    public init(connection: Connection, sql: StoreSQL? = nil) throws {
        self.connection = connection
        self.sql = try sql ?? StoreSQL.bundled()
    }

    private struct Migration {
        let version: Int
        let file: StoreSQL.File
        let checksum: String
    }

    private var migrations: [Migration] {
        sql.migrations.map { file in
            guard let version = Int(file.name.prefix { $0.isNumber }) else { preconditionFailure("\(file.name) has no number") }
            return Migration(version: version, file: file, checksum: Self.hex(file.text))
        }
    }

    private static func hex(_ text: String) -> String {
        SHA256.hash(data: Data(text.utf8)).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }

    /// A digest of every file: a database that carries it needs nothing.
    private var fingerprint: String {
        Self.hex(([sql.bootstrap] + sql.migrations + sql.functions).map { $0.name + "\n" + $0.text }.joined(separator: "\n"))
    }

    /// Applies what is missing, all in one transaction. Two processes may call it at once: one waits for the other.
    public func migrate() throws -> Report {
        try checkExtensionsAvailable()
        return try connection.transaction(operation: "migrate the database") {
            try lock()
            let before = try appliedVersions()
            try refuseNewer(before)
            if try isCurrent() { return Report(applied: [], version: migrations.last?.version ?? 0, warnings: try extensionWarnings()) }
            try connection.execute(script: "SET LOCAL client_min_messages = warning")
            try connection.execute(script: sql.bootstrap.text, operation: "apply bootstrap.sql")
            let warnings = try extensionWarnings()
            try setSearchPath()
            // Loads pgvector: before that, only a superuser may name its settings in a function.
            try connection.query("SELECT '[1]'::halfvec", operation: "load pgvector")
            var applied: [String] = []
            for migration in migrations where before[migration.version] == nil {
                try connection.execute(script: migration.file.text, operation: "apply migration \(migration.file.name)")
                try connection.query(
                    "INSERT INTO tilescout.schema_migration (version, name, checksum, applied_by) VALUES ($1::int, $2, $3, $4)",
                    [migration.version, migration.file.name, migration.checksum, "tilescout"], operation: "note migration \(migration.file.name)")
                applied.append(migration.file.name)
            }
            for file in sql.functions { try connection.execute(script: file.text, operation: "apply \(file.name)") }
            try connection.execute(script: "COMMENT ON SCHEMA tilescout IS 'Tilescout: scenes, tiles, embeddings and search. Files: \(fingerprint)'")
            return Report(applied: applied, version: migrations.last?.version ?? 0, warnings: warnings)
        }
    }

    /// Takes the extension tilescout_packs into use where the server has got it since the last migration. For an operator who asks, not for the
    /// start of every program: it also brings back what an operator has dropped.
    /// - Returns: the way that searches take now; nil where the session's role does not own the functions that say so, and nothing happened.
    @discardableResult
    public func settlePacks() throws -> String? {
        let operation = "look for the extension tilescout_packs"
        return try connection.transaction(operation: operation) {
            try lock()
            let isOwner: Bool = try connection.query("""
                SELECT coalesce(bool_and(pg_has_role(proowner, 'USAGE')), false) AS owned
                FROM pg_proc WHERE pronamespace = to_regnamespace('tilescout') AND proname IN ('nearest_in_cells', 'exact_microseconds')
                """, operation: operation)[0]["owned"]
            guard isOwner else { return nil }
            return try connection.query("SELECT tilescout.settle_packs() AS way", operation: operation)[0]["way"]
        }
    }

    /// Throws unless the schema is this binary's and the extensions are recent enough. Writes nothing.
    /// - Returns: warnings.
    public func ensureCompatible() throws -> [String] {
        let applied = try appliedVersions()
        try refuseNewer(applied)
        guard !applied.isEmpty else {
            throw StoreError(operation: "use", thing: "database \(connection.place)", reason: "it has no tilescout schema", code: .notMigrated, hint: "run tilescout db migrate")
        }
        guard try isCurrent() else {
            throw StoreError(operation: "use", thing: "database \(connection.place)", reason: "its schema is of another build of tilescout", code: .notMigrated, hint: "run tilescout db migrate")
        }
        return try extensionWarnings()
    }

    // MARK: -

    /// Until the transaction ends. Before the schema exists there is nothing else to lock.
    private func lock() throws {
        try connection.query("SELECT pg_advisory_xact_lock(hashtext('tilescout.migrate'))", operation: "migrate the database")
    }

    private func isCurrent() throws -> Bool {
        let row = try connection.query("SELECT coalesce(obj_description(to_regnamespace('tilescout'), 'pg_namespace'), '') AS comment")[0]
        let comment: String = try row["comment"]
        return comment.hasSuffix("Files: \(fingerprint)")
    }

    private func appliedVersions() throws -> [Int: String] {
        let exists: Bool = try connection.query("SELECT to_regclass('tilescout.schema_migration') IS NOT NULL AS made")[0]["made"]
        guard exists else { return [:] }
        var applied: [Int: String] = [:]
        for row in try connection.query("SELECT version, checksum FROM tilescout.schema_migration", operation: "read the schema's version") {
            applied[try row["version"]] = try row["checksum"]
        }
        return applied
    }

    private func refuseNewer(_ applied: [Int: String]) throws {
        let known = Dictionary(uniqueKeysWithValues: migrations.map { ($0.version, $0) })
        for (version, checksum) in applied.sorted(by: { $0.key < $1.key }) {
            guard let migration = known[version] else {
                throw StoreError(
                    operation: "use", thing: "database \(connection.place)",
                    reason: "its schema is version \(applied.keys.max() ?? version), this tilescout knows up to \(known.keys.max() ?? 0)",
                    code: .incompatibleSchema, hint: "use the newer tilescout that migrated it")
            }
            guard migration.checksum == checksum else {
                throw StoreError(
                    operation: "use", thing: "database \(connection.place)", reason: "migration \(migration.file.name) was another file when it was applied",
                    code: .incompatibleSchema, hint: "use the build of tilescout that migrated it")
            }
        }
    }

    private func checkExtensionsAvailable() throws {
        let rows = try connection.query("""
            SELECT wanted.name, coalesce(e.extversion, a.default_version) AS version
            FROM (VALUES ('postgis'), ('vector')) AS wanted (name)
            LEFT JOIN pg_available_extensions AS a ON a.name = wanted.name
            LEFT JOIN pg_extension AS e ON e.extname = wanted.name
            """, operation: "look for extensions")
        for row in rows {
            let name: String = try row["name"], version: String? = try row["version"]
            guard let version else {
                throw StoreError(
                    operation: "use", thing: "database \(connection.place)", reason: "the extension \(name) is not installed on its server",
                    code: .missingSoftware, hint: name == "vector" ? "install pgvector 0.8.0 or later: run scripts/setup" : "install PostGIS: apt-get install postgresql-15-postgis-3")
            }
            if name == "vector" { try refuseOldVector(version) }
        }
    }

    private func refuseOldVector(_ version: String) throws {
        guard Self.numbers(version).lexicographicallyPrecedes(Self.oldestVector) else { return }
        throw StoreError(
            operation: "use", thing: "database \(connection.place)", reason: "it has pgvector \(version), and tilescout needs 0.8.0 or later",
            code: .missingSoftware, hint: "install a newer one and run: ALTER EXTENSION vector UPDATE")
    }

    private func extensionWarnings() throws -> [String] {
        var warnings: [String] = []
        for row in try connection.query("SELECT extname::text, extversion FROM pg_extension WHERE extname IN ('vector', 'postgis')") {
            let name: String = try row["extname"], version: String = try row["extversion"]
            guard name == "vector" else { continue }
            try refuseOldVector(version)
            if Self.numbers(version).lexicographicallyPrecedes(Self.soundVector) {
                warnings.append("pgvector \(version) has known faults in parallel index builds and vacuum: 0.8.4 or later is better")
            }
        }
        return warnings
    }

    private static func numbers(_ version: String) -> [Int] { version.split(separator: ".").map { Int($0.prefix { $0.isNumber }) ?? 0 } }

    /// Functions keep the path that they were made under: ours, then wherever the extensions lie, never the caller's.
    private func setSearchPath() throws {
        try connection.query("""
            SELECT set_config('search_path', concat_ws(', ', 'tilescout', string_agg(DISTINCT quote_ident(n.nspname), ', '), 'pg_temp'), true)
            FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
            WHERE e.extname IN ('postgis', 'vector') AND n.nspname <> 'pg_catalog'
            """, operation: "migrate the database")
    }
}
