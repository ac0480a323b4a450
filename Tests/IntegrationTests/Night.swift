import Foundation
import PostgreSQL
import TestCluster
import TileStore
import Testing

/// An archive, a pipeline over it and a database of its own: what an operator has.
final class Night {
    let folder: URL
    let archive: URL
    let store: TileStore
    let program: CommandLineProgram
    let pipeline: String

    /// - Parameter keys: further lines of the pipeline file.
    init(_ keys: String = "", environment: [String: String] = [:]) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("night-\(UUID().uuidString)").resolvingSymlinksInPath()
        archive = folder.appendingPathComponent("archive")
        try FileManager.default.createDirectory(at: archive, withIntermediateDirectories: true)
        let connection = try TestCluster.shared.get().migratedDatabase()
        let name: String = try connection.query("SELECT current_database() AS name")[0]["name"]
        store = TileStore(connection: connection)
        let conninfo = try TestCluster.shared.get().cluster.conninfo(database: name).text
        program = CommandLineProgram(environment: ["TILESCOUT_DATABASE": conninfo].merging(environment) { _, new in new })
        pipeline = folder.appendingPathComponent("pipeline.yaml").path
        try write(keys)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    func write(_ keys: String) throws {
        let standard = """
            name: night
            collection: test
            sources: [\(archive.path)]
            report: {folder: \(folder.path)/reports, prometheus: \(folder.path)/tilescout.prom}

            """
        try (standard + (keys.contains("tiles:") ? "" : "tiles: {sizes: [128]}\n") + (keys.contains("workers:") ? "" : "workers: {lease_seconds: 3}\n") + keys + "\n")
            .write(toFile: pipeline, atomically: true, encoding: .utf8)
    }

    /// In place of the archive alone.
    func give(sources: [String]) throws {
        let text = try String(contentsOfFile: pipeline, encoding: .utf8)
        try text.replacing("sources: [\(archive.path)]", with: "sources: [\(sources.joined(separator: ", "))]")
            .write(toFile: pipeline, atomically: true, encoding: .utf8)
    }

    /// The failure command writes what it is told into a file.
    func tellFailures() throws {
        let text = try String(contentsOfFile: pipeline, encoding: .utf8)
        try text.replacing("reports, prometheus", with: "reports, on_failure: [sh, -c, 'env >> \(folder.path)/told'], prometheus")
            .write(toFile: pipeline, atomically: true, encoding: .utf8)
    }

    /// What the failure command was told, all times; nil: never called.
    var told: String? { try? String(contentsOf: folder.appendingPathComponent("told"), encoding: .utf8) }

    /// What Prometheus' collector reads.
    var metrics: String { (try? String(contentsOf: folder.appendingPathComponent("tilescout.prom"), encoding: .utf8)) ?? "" }

    func path(_ name: String) -> String { archive.appendingPathComponent(name).path }

    func addScene(_ name: String, seed: Int, width: Int = 256, height: Int = 128) throws {
        try GeneratedScene.write(to: path(name), width: width, height: height, seed: seed, west: 500_000 + Double(seed) * 3000)
    }

    /// The report of the run, as its JSON says.
    struct Report: Decodable {
        struct Scenes: Decodable { var seen, ingested, unchanged, known, failed, setAside, open, new, changed, removed, retired: Int }
        struct Tiles: Decodable {
            var seen, stored, alreadyThere: Int
            var skipped: [String: Int]
        }
        struct Failure: Decodable { var path, stage, reason: String }
        struct Step: Decodable {
            var name: String
            var seconds: Double
        }

        var run: Int
        var outcome: String
        var reason: String?
        var notes: [String]
        var scenes: Scenes
        var tiles: Tiles
        var failures: [Failure]
        var steps: [Step]
        var seconds: Double

        var reconciles: Bool {
            scenes.seen == scenes.ingested + scenes.unchanged + scenes.known + scenes.failed + scenes.setAside + scenes.open
                && tiles.seen == tiles.stored + tiles.alreadyThere + tiles.skipped.values.reduce(0, +)
        }
    }

    struct Ended {
        var status: Int32
        var report: Report?
        var error: String

        /// Seconds of each step, for a message.
        var steps: String {
            report?.steps.map { "\($0.name) \(String(format: "%.2f", $0.seconds))" }.joined(separator: ", ") ?? ""
        }
    }

    func run(_ arguments: [String] = []) throws -> Ended {
        let outcome = try program.run(["run", pipeline, "--json", "--quiet"] + arguments)
        return Ended(
            status: outcome.status, report: try? JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8)), error: outcome.error)
    }

    /// Runs the pipeline over two scenes, of which one ends its worker twice: that one is set aside and named, the other is ingested.
    func expectSetAside(_ name: String, reason: String, ingested: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let ended = try run()
        #expect(ended.status == 2, "\(ended.error)", sourceLocation: sourceLocation)
        let report = try #require(ended.report, sourceLocation: sourceLocation)
        #expect(report.scenes.ingested == 1 && report.scenes.setAside == 1 && report.reconciles, sourceLocation: sourceLocation)
        #expect(report.failures.map(\.path) == [path(name)] && report.failures[0].reason.contains(reason), sourceLocation: sourceLocation)
        #expect(try store.scenes().map(\.path) == [path(ingested)], sourceLocation: sourceLocation)
    }
}
