import Foundation
import PostgreSQL

/// A PostgreSQL cluster of tilescout's own, in `pg/` under the data root: initdb on first use, Unix socket only, run by an
/// unprivileged user even when root calls. The socket's folder lets nobody else in, and peer authentication asks the kernel
/// who comes.
///
/// Safe to call from several processes at once: each step holds a lock on `pg/lock`. From several machines that share the folder, the one that comes
/// second is refused.
public struct PrivateCluster: Sendable {
    public static let databaseName = "tilescout"
    /// The database's superuser; not an operating system user.
    static let superuser = "tilescout"
    static let port = 5432
    /// `sun_path` of sockaddr_un holds 108 bytes with the final zero (unix(7)).
    static let socketPathLimit = 107

    public let dataRoot: URL
    /// Lines added to local.conf when the cluster is made; tests turn fsync off.
    private let localSettings: [String: String]
    private let user: ServerUser

    public init(dataRoot: URL = DataRoot.standard(), localSettings: [String: String] = [:]) throws {
        self.dataRoot = dataRoot.standardizedFileURL
        self.localSettings = localSettings
        user = try ServerUser.current()
    }

    var folder: URL { dataRoot.appending(path: "pg") }
    var data: URL { folder.appending(path: "data") }
    /// Names the machine that started the server last.
    private var hostFile: URL { folder.appending(path: "host") }

    /// `pg/run`, or a folder under /tmp named for the data root where that path is too long for a socket.
    public var socketFolder: URL {
        let beside = folder.appending(path: "run")
        if beside.path.utf8.count + "/.s.PGSQL.\(Self.port).lock".utf8.count <= Self.socketPathLimit { return beside }
        // FNV-1a: a short, stable name; the folder's owner and rights are checked before use.
        let hash = folder.path.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return URL(fileURLWithPath: "/tmp/tilescout-\(user.userID)-\(String(hash, radix: 16))")
    }

    public func conninfo(database: String = databaseName) throws -> Conninfo {
        try Conninfo(settings: [
            ("host", socketFolder.path), ("port", String(Self.port)), ("dbname", database), ("user", Self.superuser), ("password", ""),
        ])
    }

    public func connect(database: String = databaseName) throws -> Connection {
        try Connection(try conninfo(database: database), serverFolder: folder)
    }

    public enum Status: Hashable, Sendable {
        /// Never started: there is no data yet.
        case absent
        case stopped
        case running(processID: Int32)
    }

    public func status() -> Status {
        guard FileManager.default.fileExists(atPath: data.appending(path: "PG_VERSION").path) else { return .absent }
        guard let process = serverProcess() else { return .stopped }
        return .running(processID: process)
    }

    /// Makes the cluster if there is none, starts it unless it runs, and makes the database. Returns once it takes connections.
    public func start() throws {
        if case .running = status(), (try? connect()) != nil { return }
        try makeFolders()
        let lock = try FileLock(folder.appending(path: "lock"))
        defer { withExtendedLifetime(lock) {} }
        let programs = try ServerPrograms.find(for: data)
        if status() == .absent { try initialise(programs) }
        if serverProcess() == nil {
            try refuseAnotherHostsServer()
            try correctStalePidFile()
            try writeSettings()
            try replace(hostFile, with: ProcessInfo.processInfo.hostName)
            try launch(programs)
        }
        try createDatabase()
    }

    /// Stops the server after it has rolled back open transactions; nothing to do if it does not run.
    public func stop() throws {
        guard FileManager.default.fileExists(atPath: folder.path) else { return }
        let lock = try FileLock(folder.appending(path: "lock"))
        defer { withExtendedLifetime(lock) {} }
        guard serverProcess() != nil else { return }
        let programs = try ServerPrograms.find(for: data)
        let stopped = try Program.run(user.wrap([programs.pgCtl, "stop", "--wait", "--timeout=120", "--silent", "--mode=fast", "--pgdata", data.path]))
        guard stopped.status == 0 else {
            throw StoreError(operation: "stop", thing: "the private cluster in \(folder.path)", reason: lastWords(stopped.output), code: .cluster)
        }
    }

    // MARK: -

    private func makeFolders() throws {
        do {
            try FileManager.default.createDirectory(at: dataRoot, withIntermediateDirectories: true)
        } catch {
            throw StoreError(operation: "create", thing: dataRoot.path, reason: "the folder cannot be written", code: .cluster, hint: "set TILESCOUT_DATA to one that can")
        }
        for one in [folder, folder.appending(path: "log"), socketFolder] { try makePrivateFolder(one) }
        // The server's user has to come through every folder above.
        guard try Program.run(user.wrap(["test", "-w", folder.path])).status == 0 else {
            throw StoreError(
                operation: "use", thing: folder.path, reason: "user \(user.name), who runs the server, may not enter a folder above it",
                code: .cluster, hint: "set TILESCOUT_DATA to a place that \(user.name) can reach, such as /var/lib/tilescout")
        }
    }

    /// Waits some seconds for backends of a crashed server that are still on their way out.
    private func launch(_ programs: ServerPrograms) throws {
        try Self.patiently(seconds: 5, while: { ($0 as? StoreError)?.reason.contains("pre-existing shared memory block") == true }) {
            let started = try Program.run(user.wrap([
                programs.pgCtl, "start", "--wait", "--timeout=120", "--silent", "--pgdata", data.path, "--log", folder.appending(path: "log/start.log").path,
            ]))
            guard started.status == 0 else {
                throw StoreError(
                    operation: "start", thing: "the private cluster in \(folder.path)", reason: lastWords(started.output), code: .cluster,
                    hint: "its log is in \(folder.appending(path: "log").path)")
            }
        }
    }

    /// `body`, and again every 250 ms for about so many seconds, as long as it fails of what passes by itself.
    static func patiently<T>(seconds: Int, while passes: (any Error) -> Bool, _ body: () throws -> T) throws -> T {
        for _ in 0..<4 * seconds {
            do {
                return try body()
            } catch where passes(error) {
                usleep(250_000)
            }
        }
        return try body()
    }

    /// Makes `one` with rights for the server's user alone, which gets its name only when it is that user's: another process may start at the same time.
    /// An existing one must be that user's, no symlink to elsewhere.
    func makePrivateFolder(_ one: URL) throws {
        func failure(_ reason: String) -> StoreError { StoreError(operation: "use", thing: one.path, reason: reason, code: .cluster) }
        var status = stat()
        if lstat(one.path, &status) != 0 {
            let partial = one.path + ".\(UUID().uuidString)"
            defer { rmdir(partial) }
            guard mkdir(partial, 0o700) == 0, !user.isOther || chown(partial, user.userID, user.groupID) == 0,
                rename(partial, one.path) == 0 || errno == EEXIST || errno == ENOTEMPTY
            else { throw failure(String(cString: strerror(errno))) }
        }
        guard lstat(one.path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { throw failure("it is no folder") }
        guard status.st_uid == user.userID else { throw failure("it belongs to user \(status.st_uid), not to \(user.name), who runs the server") }
        guard status.st_mode & 0o077 == 0 else { throw failure("other users have rights on it; chmod 700 it") }
    }

    /// initdb into a folder that gets its name only when whole: an interrupted one leaves nothing that looks like a cluster.
    private func initialise(_ programs: ServerPrograms) throws {
        let partial = folder.appending(path: "data.partial")
        try? FileManager.default.removeItem(at: partial)
        let made = try Program.run(user.wrap([
            programs.initdb, "--pgdata", partial.path, "--username", Self.superuser, "--encoding=UTF8", "--locale=C.UTF-8",
            "--auth-local=peer", "--auth-host=reject", "--data-checksums",
        ]))
        guard made.status == 0 else {
            throw StoreError(operation: "create", thing: "the private cluster in \(folder.path)", reason: lastWords(made.output), code: .cluster)
        }
        // Any OS user whom the socket's folder lets in is the superuser here: the folder is closed to all but the server's user and root.
        let callers = Set([user.name, "root", ServerUser.callerName()].compactMap { $0 }).sorted()
        let map = callers.map { "tilescout \"\($0)\" \(Self.superuser)" }.joined(separator: "\n") + "\n"
        try append(map, to: partial.appending(path: "pg_ident.conf"))
        try replace(partial.appending(path: "pg_hba.conf"), with: "local all all peer map=tilescout\n")
        try append("\ninclude_if_exists = 'tilescout.conf'\ninclude_if_exists = 'local.conf'\n", to: partial.appending(path: "postgresql.conf"))
        let local = localSettings.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)\n" }.joined()
        try replace(partial.appending(path: "local.conf"), with: "# Your own settings: these win.\n" + local)
        guard rename(partial.path, data.path) == 0 else {
            throw StoreError(operation: "create", thing: data.path, reason: String(cString: strerror(errno)), code: .cluster)
        }
    }

    private func writeSettings() throws {
        try replace(data.appending(path: "tilescout.conf"), with: ServerSettings(socketFolder: socketFolder).text)
    }

    private func createDatabase() throws {
        let connection = try connectOnceRecovered()
        let exists: Bool = try connection.query("SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'tilescout') AS made")[0]["made"]
        if !exists { try connection.execute(script: "CREATE DATABASE tilescout", operation: "create the database") }
    }

    /// A server one of whose processes died recovers by itself, and turns clients away until it has: two minutes at most are waited for that.
    private func connectOnceRecovered() throws -> Connection {
        try Self.patiently(seconds: 120, while: { serverProcess() != nil && "\($0)".contains("the database system is") }) {
            try connect(database: "postgres")
        }
    }

    /// The server of postmaster.pid, if that process is alive and really is this cluster's.
    private func serverProcess() -> Int32? {
        guard let process = processOfPidFile(), let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/cwd") else { return nil }
        // As paths: URLs of one folder differ by a final slash.
        return canonical(place) == canonical(data.path) ? process : nil
    }

    private func canonical(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private func processOfPidFile() -> Int32? {
        (try? String(contentsOf: data.appending(path: "postmaster.pid"), encoding: .utf8))?.split(separator: "\n").first.flatMap { Int32($0) }
    }

    /// Processes are looked for on this machine, by us and by PostgreSQL. In a folder that several share, the server of another one would get a
    /// second beside it, on the same files.
    private func refuseAnotherHostsServer() throws {
        guard processOfPidFile() != nil, let host = try? String(contentsOf: hostFile, encoding: .utf8), host != ProcessInfo.processInfo.hostName else { return }
        throw StoreError(
            operation: "start", thing: "the private cluster in \(folder.path)", reason: "its server runs on \(host), or ended there without a word", code: .cluster,
            hint: "set PGHOST or TILESCOUT_DATABASE to a server that all machines reach; where it is certain that none runs on \(host), remove \(hostFile.path)")
    }

    /// A crash leaves postmaster.pid behind, and PostgreSQL deals with it, unless its number still answers: it was given to
    /// another process of the same user, or nobody has reaped the dead server, as in containers without an init.
    /// Then the number is replaced by one that no process has. The file stays, because its other lines tell PostgreSQL
    /// whether backends of the dead server still hold the shared memory.
    private func correctStalePidFile() throws {
        let file = data.appending(path: "postmaster.pid")
        guard let process = processOfPidFile(), let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8) else { return }
        let isServer = status.hasPrefix("Name:\tpostgres\n"), isZombie = status.contains("\nState:\tZ")
        guard !isServer || isZombie, let text = try? String(contentsOf: file, encoding: .utf8) else { return }
        try replace(file, with: ([Self.nobodysProcess] + text.split(separator: "\n", omittingEmptySubsequences: false).dropFirst()).joined(separator: "\n"))
        // The socket's lock names the same process, and nothing else.
        try? FileManager.default.removeItem(at: socketFolder.appending(path: ".s.PGSQL.\(Self.port).lock"))
    }

    /// Beyond the largest process number of Linux, 2²².
    private static let nobodysProcess: Substring = "2147483646"

    private func replace(_ file: URL, with text: String) throws {
        do {
            try Data(text.utf8).write(to: file)
            if user.isOther { chown(file.path, user.userID, user.groupID) }
            chmod(file.path, 0o600)
        } catch {
            throw StoreError(operation: "write", thing: file.path, reason: error.localizedDescription, code: .cluster)
        }
    }

    private func append(_ text: String, to file: URL) throws {
        let before = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        try replace(file, with: before + text)
    }

    /// The last lines of what a program said, and of the server's start log, on one line.
    private func lastWords(_ output: String) -> String {
        let log = (try? String(contentsOf: folder.appending(path: "log/start.log"), encoding: .utf8)) ?? ""
        let lines = (log.split(separator: "\n").suffix(3) + output.split(separator: "\n").suffix(2))
        return lines.isEmpty ? "it said nothing" : lines.joined(separator: " / ")
    }
}
