import Foundation
import TestCluster
import TileStore
import Testing

/// Scenes broken on purpose, seeded: each ends ingested or named, and the run never ends with them.
/// TILESCOUT_SOAK_SCENES says how many (scripts/soak).
@Suite("Malformed scenes", .serialized)
final class MalformedTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let count = environment["TILESCOUT_SOAK_SCENES"].flatMap { Int($0) } ?? 60
    private static let seed = environment["TILESCOUT_SOAK_SEED"].flatMap { UInt64($0) } ?? 20261123

    @Test("Tags, offsets, strips and geo keys mutated: the run completes, the counts reconcile, each file is ingested or named", .timeLimit(.minutes(60)))
    func mutated() throws {
        try run(mutated: [])
    }

    @Test(
        "The same with real scenes: compressed, tiled, with palettes, masks and overviews", .timeLimit(.minutes(60)),
        .enabled(if: SharedData.folder != nil, SharedData.absence))
    func mutatedReal() throws {
        let real = try Self.realScenes()
        try #require(!real.isEmpty)
        try run(mutated: real)
    }

    /// - Parameter originals: empty for generated ones.
    private func run(mutated originals: [Data]) throws {
        let night = try Night("limits: {seconds: 30, pixels: 50000000}\npublish: {max_failed: 1}")
        var random = SeededRandom(seed: Self.seed)
        var generated: [Data] = []
        for seed in 0..<3 {
            try night.addScene("good\(seed).tif", seed: seed)
            generated.append(try Data(contentsOf: URL(fileURLWithPath: night.path("good\(seed).tif"))))
        }
        let originals = originals.isEmpty ? generated : originals
        for number in 0..<Self.count {
            var scene = MutatedScene(originals[number % originals.count])
            try scene.mutate(using: &random).write(to: URL(fileURLWithPath: night.path("m\(number).tif")))
        }
        let ended = try night.run()
        let report = try #require(ended.report, "seed \(Self.seed): \(ended.error)")
        #expect([0, 2].contains(ended.status) && report.reconciles && report.scenes.seen == Self.count + 3, "\(ended.error)")
        #expect(report.failures.allSatisfy { !$0.reason.isEmpty })
        let stored = Set(try night.store.scenes().map(\.path))
        #expect((0..<3).allSatisfy { stored.contains(night.path("good\($0).tif")) })
        print("malformed: \(Self.count) scenes, \(report.scenes.ingested - 3) ingested, \(report.scenes.known) known, \(report.scenes.failed) failed, "
            + "\(report.scenes.setAside) set aside, seed \(Self.seed)")
    }

    /// The small ones of the shared scenes.
    private static func realScenes() throws -> [Data] {
        let folder = try #require(SharedData.folder).appendingPathComponent("scenes")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).filter { $0.pathExtension == "tif" }
        return try files.sorted { $0.path < $1.path }.map { try Data(contentsOf: $0) }.filter { $0.count < 500_000 }
    }

    @Test(
        "What is malformed in the wild: a night over it completes, and each file is ingested or named",
        .enabled(if: SharedData.folder != nil, SharedData.absence))
    func wild() throws {
        let night = try Night("limits: {seconds: 60, pixels: 50000000}\npublish: {max_failed: 1}")
        let folder = try #require(SharedData.folder).appendingPathComponent("malformed")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        for file in files { try FileManager.default.copyItem(atPath: file.path, toPath: night.path(file.lastPathComponent)) }
        try night.addScene("good.tif", seed: 1)
        let ended = try night.run()
        let report = try #require(ended.report, "\(ended.error)")
        #expect([0, 2].contains(ended.status) && report.outcome == "published" && report.reconciles && report.scenes.seen == files.count + 1, "\(ended.error)")
        let named = Set(report.failures.map(\.path)), stored = Set(try night.store.scenes().map(\.path))
        #expect(report.failures.allSatisfy { !$0.reason.isEmpty } && report.scenes.setAside == 0, "\(report.failures)")
        #expect(named.union(stored).count + report.scenes.known == files.count + 1 && stored.contains(night.path("good.tif")))
    }
}
