import Foundation
import PostgreSQL
import TestCluster
import TileStore
import Testing

/// Machines die at any moment: the leading process, its worker, a worker elsewhere, the server. Seeded, so that a failure can
/// be met again: TILESCOUT_SOAK_SEED; TILESCOUT_SOAK_KILLS says how many (scripts/soak).
@Suite("Kill", .serialized)
final class KillTests {
    private enum Victim: CaseIterable {
        /// `tilescout run`, by kill -9: its worker is left behind.
        case leader
        /// Both, as a power cut or a stopped unit does.
        case leaderAndWorker
        /// The worker process alone, as a crash or the kernel out of memory does.
        case worker
        /// A `tilescout worker` that helps.
        case helper
        /// One server process by kill -9: PostgreSQL ends all others and recovers.
        case backend
        /// The whole server, without a checkpoint (SIGQUIT).
        case server
    }

    private static let environment = ProcessInfo.processInfo.environment
    private static let kills = environment["TILESCOUT_SOAK_KILLS"].flatMap { Int($0) } ?? 8
    private static let seed = environment["TILESCOUT_SOAK_SEED"].flatMap { UInt64($0) } ?? 20261123

    private let folder = URL(fileURLWithPath: "/tmp/tilescout-kill-\(UUID().uuidString.prefix(8))")
    private let cluster: PrivateCluster

    init() throws {
        try FileManager.default.createDirectory(at: folder.appendingPathComponent("archive"), withIntermediateDirectories: true)
        cluster = try PrivateCluster(dataRoot: folder.appendingPathComponent("data"), localSettings: ["shared_buffers": "128MB"])
        try cluster.start()
        try TileStore(connection: cluster.connect()).migrate()
        try cluster.connect(database: "postgres").execute(script: "ALTER DATABASE tilescout IS_TEMPLATE true")
        for seed in 0..<5 {
            try GeneratedScene.write(
                to: folder.appendingPathComponent("archive/s\(seed).tif").path, width: 400, height: 300, seed: seed, west: 500_000 + Double(seed) * 5000)
        }
        try """
            name: kill
            collection: test
            sources: [\(folder.path)/archive]
            tiles: {sizes: [64]}
            workers: {lease_seconds: 3, jobs: 2}
            """.write(to: folder.appendingPathComponent("p.yaml"), atomically: true, encoding: .utf8)
    }

    deinit {
        try? cluster.stop()
        try? FileManager.default.removeItem(at: folder)
    }

    private func database(_ name: String) throws -> CommandLineProgram {
        try cluster.connect(database: "postgres").execute(script: "CREATE DATABASE \(name) TEMPLATE tilescout")
        return CommandLineProgram(environment: ["TILESCOUT_DATABASE": try cluster.conninfo(database: name).text])
    }

    private var arguments: [String] { ["run", folder.appendingPathComponent("p.yaml").path, "--quiet"] }

    private func isEmpty(_ name: String) throws -> Bool {
        let row = try cluster.connect(database: name).query(
            "SELECT (SELECT count(*) FROM tilescout.scenes) + (SELECT count(*) FROM tilescout.tiles) AS visible")[0]
        return try row["visible"] as Int == 0
    }

    /// Hash of the visible content.
    private func content(_ name: String) throws -> String {
        try TileStore(connection: cluster.connect(database: name)).contentHash()
    }

    private var server: pid_t? { if case .running(let process) = cluster.status() { process } else { nil } }

    /// The server may be recovering.
    private func untilAnswering() throws {
        for _ in 0..<100 {
            if case .running = cluster.status(), (try? cluster.connect(database: "postgres").probe()) == true { return }
            try? cluster.start()
            Thread.sleep(forTimeInterval: 0.2)
        }
        try cluster.start()
    }

    @Test("Killed at random points, whoever it is, and run again: nothing is lost, doubled or half visible", .timeLimit(.minutes(60)))
    func kill() throws {
        try #require(FileManager.default.isReadableFile(atPath: "/proc/self/task/\(getpid())/children"), "this kernel lists no process's children")
        var random = SeededRandom(seed: Self.seed)
        let whole = try database("whole")
        let started = Date()
        #expect(try whole.run(arguments).status == 0)
        let usual = Date().timeIntervalSince(started)
        let expected = try content("whole")
        var (kills, rounds, landed) = (0, 0, [Victim: Int]())
        // Of many, some of each kind.
        let kinds = Self.kills < 50 ? 1 : Victim.allCases.count
        while kills < Self.kills || landed.count < kinds {
            rounds += 1
            try #require(rounds <= 10 * Self.kills, "\(landed) in \(rounds) rounds, seed \(Self.seed): too few find their victim")
            let name = "round\(rounds)"
            let program = try database(name)
            // The same scene ending its worker twice is set aside, as it should be: so one such death a round.
            var mayKillWorker = true
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                var victim = Victim.allCases.randomElement(using: &random)!
                if victim == .worker, !mayKillWorker { victim = .leaderAndWorker }
                let leader = try program.start(arguments)
                let helper = victim == .helper ? try program.start(["worker"]) : nil
                Thread.sleep(forTimeInterval: Double.random(in: 0.05...max(0.5, usual), using: &random))
                let choice = Int.random(in: 0..<1000, using: &random)
                func processes() -> [pid_t] {
                    switch victim {
                    case .leader: [leader.processIdentifier]
                    case .leaderAndWorker: [leader.processIdentifier] + Self.children(of: leader.processIdentifier)
                    case .worker: Self.children(of: leader.processIdentifier)
                    case .helper: Self.children(of: helper!.processIdentifier)
                    case .backend:
                        if let all = server.map({ Self.backends(of: $0, database: name) }), !all.isEmpty { [all[choice % all.count]] } else { [] }
                    case .server: server.map { [$0] } ?? []
                    }
                }
                // It may not be there yet, or no longer: then nobody is killed, and nothing counted.
                let fewest = victim == .leaderAndWorker ? 2 : 1
                while leader.isRunning, processes().count < fewest { Thread.sleep(forTimeInterval: 0.01) }
                let isUnderWay = leader.isRunning
                let signalled = processes().count { Foundation.kill($0, victim == .server ? SIGQUIT : SIGKILL) == 0 }
                if isUnderWay, signalled >= fewest {
                    kills += 1
                    landed[victim, default: 0] += 1
                }
                if victim == .helper || (victim == .worker && signalled > 0) { mayKillWorker = false }
                helper?.signal(SIGKILL)
                _ = try helper?.finish()
                if victim == .server || victim == .backend { Thread.sleep(forTimeInterval: 0.3) }
                try untilAnswering()
                if victim != .worker && victim != .helper { leader.signal(SIGKILL) }
                _ = try leader.finish()
                let isAllOrNothing = try isEmpty(name) || content(name) == expected
                #expect(isAllOrNothing, "half visible after \(victim) in round \(rounds), seed \(Self.seed)")
            }
            let last = try program.run(arguments)
            #expect(last.status == 0, "round \(rounds), seed \(Self.seed): \(last.error)")
            #expect(try content(name) == expected, "round \(rounds), seed \(Self.seed)")
            try? cluster.connect(database: "postgres").execute(script: "DROP DATABASE \(name) WITH (FORCE)")
        }
        let each = Victim.allCases.map { "\($0) \(landed[$0] ?? 0)" }.joined(separator: ", ")
        print("kill: \(kills) kills in \(rounds) rounds (\(each)), seed \(Self.seed)")
    }

    /// proc(5): `children` lists the processes that a task started. None where the process, or that thread of it, has ended.
    private static func children(of process: pid_t) -> [pid_t] {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task"))?.flatMap { task in
            ((try? String(contentsOfFile: "/proc/\(process)/task/\(task)/children", encoding: .utf8)) ?? "").split(separator: " ").compactMap { pid_t($0) }
        } ?? []
    }

    private static func backends(of server: pid_t, database: String) -> [pid_t] {
        children(of: server).filter { child in
            ((try? String(contentsOfFile: "/proc/\(child)/cmdline", encoding: .utf8)) ?? "").contains(database)
        }
    }
}
