import Foundation
import PostgreSQL
import Testing
import TestCluster
@testable import TileStore

@Suite(.serialized) final class PrivateClusterTests {
    private static func folder(_ name: String = "") -> URL { URL(fileURLWithPath: "/tmp/tilescout-cluster-\(UUID().uuidString.prefix(8))\(name)") }

    private let root = PrivateClusterTests.folder()
    private let cluster: PrivateCluster

    init() throws { cluster = try PrivateCluster(dataRoot: root, localSettings: ["fsync": "off", "shared_buffers": "64MB"]) }

    deinit {
        try? cluster.stop()
        try? FileManager.default.removeItem(at: root)
    }

    /// At most a minute.
    private static func wait(_ what: String, _ isSo: () -> Bool) throws {
        let limit = ContinuousClock.now + .seconds(60)
        while !isSo() {
            try #require(.now < limit, "waited in vain \(what)")
            usleep(1_000)
        }
    }

    @Test func startsOnceStopsAndSurvivesACrash() throws {
        #expect(cluster.status() == .absent)
        try cluster.start()
        guard case .running(let process) = cluster.status() else { Issue.record("not running"); return }
        try cluster.start()
        #expect(cluster.status() == .running(processID: process), "starting a running one does nothing")
        let rights = try FileManager.default.attributesOfItem(atPath: cluster.socketFolder.path)[.posixPermissions] as? Int
        #expect(rights == 0o700)
        let row = try cluster.connect().query("SELECT current_setting('listen_addresses') AS addresses, current_setting('shared_buffers') AS buffers")[0]
        #expect(try row["addresses"] == "" && row["buffers"] == "64MB", "local.conf wins")

        // A crash: the server is gone, its pid file is not.
        kill(process, SIGKILL)
        try Self.wait("until the server is gone") { kill(process, 0) != 0 || cluster.status() != .running(processID: process) }
        #expect(cluster.status() == .stopped)
        // Its children take a moment to notice; the next start waits for none of them.
        usleep(500_000)
        try cluster.start()
        #expect(try cluster.connect().probe())
        // A pid file that names another living process is not taken for a server.
        try cluster.stop()
        #expect(cluster.status() == .stopped)
        try "\(getpid())\n\(cluster.data.path)\n".write(to: cluster.data.appending(path: "postmaster.pid"), atomically: true, encoding: .utf8)
        try cluster.start()
        #expect(try cluster.connect().probe())
    }

    /// One of its processes dies, and the server ends all others and recovers: starting it waits for that.
    @Test func aServerThatRecoversIsWaitedFor() throws {
        try cluster.start()
        for _ in 0..<5 {
            let witness = try cluster.connect()
            let victim: Int = try witness.query("SELECT pid AS pid FROM pg_stat_activity WHERE backend_type = 'background writer'")[0]["pid"]
            kill(Int32(victim), SIGKILL)
            // Until the server has noticed, it lets clients in; then it ends those that it has.
            try Self.wait("until the server notices") { !witness.probe() }
            try cluster.start()
            #expect(try cluster.connect().probe())
        }
    }

    /// Another machine's processes cannot be seen: what it has left may be a server at work on the same files.
    @Test func aServerOfAnotherMachineGetsNoSecondBesideIt() throws {
        try cluster.start()
        let host = root.path + "/pg/host"
        #expect(try String(contentsOfFile: host, encoding: .utf8) == ProcessInfo.processInfo.hostName)
        guard case .running(let process) = cluster.status() else { Issue.record("not running"); return }
        kill(process, SIGKILL)
        try Self.wait("until the server is gone") { cluster.status() != .running(processID: process) }
        usleep(500_000)
        try "node1".write(toFile: host, atomically: true, encoding: .utf8)
        let error = #expect(throws: StoreError.self) { try cluster.start() }
        #expect(error?.reason.contains("node1") == true && error?.hint?.contains("TILESCOUT_DATABASE") == true && error?.hint?.contains("remove \(host)") == true)
        #expect(cluster.status() == .stopped)
        // What the message says helps.
        try FileManager.default.removeItem(atPath: host)
        try cluster.start()
        #expect(try cluster.connect().probe())
        // One that was stopped leaves nothing behind, and may go on elsewhere.
        try cluster.stop()
        try "node1".write(toFile: host, atomically: true, encoding: .utf8)
        try cluster.start()
        #expect(try cluster.connect().probe() && String(contentsOfFile: host, encoding: .utf8) == ProcessInfo.processInfo.hostName)
    }

    /// How often it is tried, when it succeeds at the `succeeding`th time and its first `passing` failures are of what passes.
    @Test(arguments: [(succeeding: 3, passing: 9, tries: 3), (9, 1, 2), (9, 9, 5)])
    func patienceLastsAsLongAsTheFaultPasses(succeeding: Int, passing: Int, tries: Int) {
        struct Fault: Error { let passes: Bool }
        var tried = 0
        let outcome = Result {
            try PrivateCluster.patiently(seconds: 1, while: { ($0 as? Fault)?.passes == true }) {
                tried += 1
                if tried < succeeding { throw Fault(passes: tried <= passing) }
            }
        }
        #expect(tried == tries)
        #expect(((try? outcome.get()) != nil) == (tries == succeeding))
    }

    @Test func twoStartsAtOnceGiveOneServer() async throws {
        let root = Self.folder()
        defer {
            try? PrivateCluster(dataRoot: root).stop()
            try? FileManager.default.removeItem(at: root)
        }
        let statuses = try await withThrowingTaskGroup(of: PrivateCluster.Status.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    let cluster = try PrivateCluster(dataRoot: root, localSettings: ["fsync": "off", "shared_buffers": "64MB"])
                    try cluster.start()
                    return cluster.status()
                }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(statuses.count == 1)
    }

    @Test func aDeepDataRootGetsAShortSocketFolder() throws {
        let cluster = try PrivateCluster(dataRoot: Self.folder(String(repeating: "/deep", count: 30)))
        #expect(cluster.socketFolder.path.utf8.count + "/.s.PGSQL.5432.lock".utf8.count <= PrivateCluster.socketPathLimit)
        #expect(cluster.socketFolder.path.hasPrefix("/tmp/tilescout-"))
    }

    @Test(.enabled(if: geteuid() == 0, "did not run: needs root, for a folder that the server's user cannot enter"))
    func aPlaceThatTheServersUserCannotEnterIsNamed() throws {
        let root = Self.folder()
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(at: root) }
        let error = #expect(throws: StoreError.self) { try PrivateCluster(dataRoot: root.appending(path: "inner")).start() }
        #expect(error?.description.contains("may not enter a folder above it") == true)
    }

    @Test(.enabled(if: geteuid() == 0, "did not run: needs root, who gives folders to the server's user"))
    func whoComesSecondFindsAFolderThatIsTheServersUsersAlready() async throws {
        let root = Self.folder()
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: root) }
        let cluster = try PrivateCluster(dataRoot: root)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<2_000 { group.addTask { try cluster.makePrivateFolder(root.appending(path: "\(number / 4)")) } }
            try await group.waitForAll()
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: root.path).count == 500)
    }

    @Test func theLocationFollowsTheEnvironment() throws {
        #expect(DataRoot.standard(environment: [:], userID: 0).path == "/var/lib/tilescout")
        #expect(DataRoot.standard(environment: ["XDG_DATA_HOME": "/x"], userID: 1000).path == "/x/tilescout")
        #expect(DataRoot.standard(environment: ["TILESCOUT_DATA": "/d", "XDG_DATA_HOME": "/x"], userID: 0).path == "/d")
        #expect(try DatabaseLocation.standard(environment: ["TILESCOUT_DATA": "/d", "PGPASSWORD": "p"]) == .privateCluster(dataRoot: URL(fileURLWithPath: "/d")))
        #expect(try DatabaseLocation.standard(environment: ["PGHOST": "db"]) == .server(Conninfo("")))
        #expect(try DatabaseLocation.standard(explicit: "service=x", environment: ["PGHOST": "db"]) == .server(Conninfo("service=x")))
        #expect(try !DatabaseLocation.standard(explicit: "postgresql://me:pw@db/x").summary.contains("pw"))
    }
}
