import Foundation
import TestCluster
import TileStore
import Testing

/// What operators install passes on what `tilescout` says, and does so every night of the year.
@Suite("Deployment", .serialized)
struct DeployTests {
    private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    private static let nightly = repository.appendingPathComponent("docker/tilescout-nightly").path

    /// `program`, finding the built `tilescout` and the images' scripts.
    private func installed(_ program: String, _ night: Night) -> CommandLineProgram {
        var made = night.program
        made.executable = program
        let folders = [(CommandLineProgram.path as NSString).deletingLastPathComponent, Self.repository.appendingPathComponent("docker").path]
        made.environment["PATH"] = folders.joined(separator: ":") + ":/usr/bin:/bin"
        return made
    }

    /// The Job's command over a night's pipeline, as the only shard.
    private func job(_ night: Night) throws -> (program: CommandLineProgram, arguments: [String]) {
        let text = try String(contentsOf: Self.repository.appendingPathComponent("pipelines/deploy/kubernetes-job.yaml"), encoding: .utf8)
        let block = try #require(text.components(separatedBy: "args:\n            - |\n").dropFirst().first)
        let script = block.split(separator: "\n").prefix { $0.hasPrefix("              ") }.joined(separator: "\n")
        var program = installed("/bin/sh", night)
        program.environment.merge(["JOB_COMPLETION_INDEX": "0", "JOB_NAME": UUID().uuidString]) { _, new in new }
        return (program, ["-c", script.replacing("/etc/tilescout/pipeline.yaml", with: night.pipeline).replacing("/4\"", with: "/1\"")])
    }

    @Test("The Job's pod ends as its shard does, so that the policy's rules apply")
    func jobStatus() throws {
        let night = try Night()
        let (program, arguments) = try job(night)
        func expect(_ status: Int32) throws {
            let ended = try program.run(arguments)
            #expect(ended.status == status, "\(ended.status) \(ended.error)")
        }
        try night.addScene("good.tif", seed: 1)
        try expect(0)
        #expect(try night.store.lockPipeline("night", shared: false))
        try expect(75)
        try night.write("sources: 7")
        try expect(65)
    }

    @Test("Failed scenes are no failure of the pod")
    func jobWithFailures() throws {
        let night = try Night()
        try "no raster".write(toFile: night.path("bad.tif"), atomically: true, encoding: .utf8)
        let (program, arguments) = try job(night)
        #expect(try program.run(arguments).status == 0)
        #expect(try night.store.failures().map(\.path) == [night.path("bad.tif")])
    }

    /// Starts it while another session keeps its run from going on, and ends it as an engine does.
    private func stop(_ program: CommandLineProgram, _ arguments: [String], _ night: Night) throws -> CommandLineProgram.Outcome {
        #expect(try night.program.run(["db", "migrate"]).status == 0)
        let other = try TestCluster.shared.get().another(like: night.store.connection)
        return try other.transaction {
            try other.execute(script: "LOCK TABLE tilescout.run")
            let running = try program.start(arguments)
            while try night.store.connection.query("SELECT FROM pg_locks WHERE NOT granted AND relation = 'tilescout.run'::regclass").isEmpty {
                Thread.sleep(forTimeInterval: 0.01)
            }
            // The shell tells its whole process group: that must not be ours.
            #expect(getpgid(running.processIdentifier) == running.processIdentifier)
            running.signal(SIGTERM)
            let asked = Date()
            while running.isRunning, Date().timeIntervalSince(asked) < 10 { Thread.sleep(forTimeInterval: 0.05) }
            #expect(!running.isRunning, "an engine would kill it by now")
            kill(-running.processIdentifier, SIGKILL)
            return try running.finish()
        }
    }

    @Test("SIGTERM reaches the shard in its pod", .timeLimit(.minutes(1)))
    func jobStopped() throws {
        let night = try Night()
        try night.addScene("a.tif", seed: 1)
        let (program, arguments) = try job(night)
        let ended = try stop(program, arguments, night)
        #expect(ended.status == 143 && ended.error.contains("interrupted: run the same command again"), "\(ended.status) \(ended.error)")
    }

    @Test("SIGTERM reaches a run that the nightly service has started", .timeLimit(.minutes(1)))
    func nightlyStopped() throws {
        let night = try Night()
        try night.addScene("a.tif", seed: 1)
        var program = installed(Self.nightly, night)
        program.environment["NIGHTLY_PIPELINES"] = night.folder.path
        let ended = try stop(program, ["now"], night)
        #expect(ended.error.contains("interrupted: run the same command again"), "\(ended.status) \(ended.error)")
    }

    @Test("The nightly service runs once on each day of the year, on the nights when clocks change too", arguments: [
        ("UTC", "02:00"), ("Europe/Berlin", "02:30"), ("America/New_York", "2:00"), ("Africa/Cairo", "00:00"), ("Australia/Lord_Howe", "02:15"),
    ])
    func everyDay(zone: String, hour: String) throws {
        let night = try Night()
        var program = installed("/bin/bash", night)
        program.environment.merge(["TZ": zone, "NIGHTLY_AT": hour]) { _, new in new }
        // The functions alone; 1798761600 begins 2027, in UTC.
        let ended = try program.run(["-c", """
            source <(sed '/^trap/,$d' '\(Self.nightly)')
            now=1798761600
            for _ in {1..366}; do now=$(next_run "$now"); date -d "@$now" '+%F %-H:%M %s'; done
            """])
        #expect(ended.status == 0 && ended.error.isEmpty, "\(ended.error)")
        let runs = ended.output.split(separator: "\n").map { $0.split(separator: " ") }
        #expect(runs.count == 366 && Set(runs.map { $0[0] }).count == 366)
        let times = try runs.map { try #require(Int($0[2])) }
        #expect(zip(times, times.dropFirst()).allSatisfy { (22 * 3600...26 * 3600).contains($1 - $0) })
        let usual = String(hour.trimmingPrefix("0")).replacing(/^:/, with: "0:")
        #expect(runs.count { $0[1] == usual } >= 364, "\(Set(runs.map { $0[1] }))")
    }

    @Test("What is no time of day ends the nightly service with a sentence", arguments: ["25:00", "2", "02:60", "noon"])
    func badHour(hour: String) throws {
        var program = CommandLineProgram(environment: ["NIGHTLY_AT": hour])
        program.executable = Self.nightly
        let ended = try program.run([])
        #expect(ended.status == 64 && ended.error.contains("NIGHTLY_AT is no time of day: \(hour)"), "\(ended.status) \(ended.error)")
    }
}
