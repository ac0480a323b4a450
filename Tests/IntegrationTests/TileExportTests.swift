import Foundation
import Ingest
import Tiling
import Testing

/// Scenes in, tile files out.
@Suite("Tile export", .serialized)
final class TileExportTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("export-\(UUID().uuidString)")
    private let out: String

    init() throws {
        out = folder.appendingPathComponent("tiles").path
        try FileManager.default.createDirectory(at: folder.appendingPathComponent("scenes"), withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    private func export(threads: Int) throws -> IngestReport {
        try TileExport(
            roots: [folder.appendingPathComponent("scenes").path], options: TilingOptions(tileSize: 64), folder: out, threads: threads).run()
    }

    private func written() -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: out)) ?? [] }

    private func scene(_ name: String, seed: Int, side: Int = 256) throws -> String {
        let path = folder.appendingPathComponent("scenes/\(name)").path
        try FileManager.default.createDirectory(atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try GeneratedScene.write(to: path, width: side, height: side, seed: seed)
        return path
    }

    @Test("Of copies one is cut, whoever comes first; a scene of the same name and other bytes is not one of them", arguments: [1, 8])
    func copies(threads: Int) throws {
        let first = try scene("0/s.tif", seed: 1)
        _ = try scene("other/s.tif", seed: 2)
        for copy in 1..<8 {
            let directory = folder.appendingPathComponent("scenes/\(copy)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: first, toPath: directory.appendingPathComponent("s.tif").path)
        }
        let report = try export(threads: threads)
        #expect(report.failures.isEmpty && report.scenesIngested == 2 && report.scenesDuplicate == 7 && report.reconciles)
        #expect(report.tilesStored == 32 && written().count == 32 && written().allSatisfy { $0.hasSuffix(".tif") })
    }

    @Test("What a run that was killed left half-written goes once it is a day old; what may be under way, and files of others, stay")
    func abandoned() throws {
        _ = try scene("s.tif", seed: 1)
        try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
        let (old, young) = ("s.tif.partial-\(UUID().uuidString)", "s.tif.partial-\(UUID().uuidString)")
        let others = ["mine.tif.partial-1", "mine.tif", UUID().uuidString]
        for name in [old, young] + others {
            try "half".write(toFile: "\(out)/\(name)", atomically: true, encoding: .utf8)
            guard name != young else { continue }
            try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSinceNow: -90_000)], ofItemAtPath: "\(out)/\(name)")
        }
        let report = try export(threads: 1)
        let kept = Set(written()).intersection([old, young] + others)
        #expect(report.tilesStored == 16 && kept == Set([young] + others), "\(kept)")
    }

    @Test("Of a scene that changes while it is cut nothing stays: its tiles would name other bytes")
    func changed() throws {
        let path = try scene("s.tif", seed: 1, side: 2048)
        let out = out
        let changing = Thread {
            while ((try? FileManager.default.contentsOfDirectory(atPath: out)) ?? []).isEmpty { Thread.sleep(forTimeInterval: 0.001) }
            utimensat(AT_FDCWD, path, nil, 0)
        }
        changing.start()
        let report = try export(threads: 1)
        #expect(report.failures.map(\.path) == [path] && report.failures[0].reason.contains("changed while it was read"), "\(report.failures)")
        #expect(report.tilesStored == 0 && report.reconciles && written().isEmpty)
    }
}
