import Foundation
import TestCluster
import TileStore
import Testing

/// Bands in files of their own are one scene.
@Suite("Band stacks", .serialized)
final class StackTests {
    @Test("Three files are one scene; unchanged they stay so, a changed band makes it another, a missing one is named")
    func stack() throws {
        let night = try Night()
        let stacks = night.folder.appendingPathComponent("stacks").path
        try night.write("stack: {bands: ['*_B4.TIF', '*_B3.TIF', '*_B2.TIF'], folder: \(stacks)}\nremoved: {max_share: 1}")
        for band in [4, 3, 2] { try night.addScene("LC08_20210602_B\(band).TIF", seed: 1) }
        for band in [4, 3] { try night.addScene("LC08_20210603_B\(band).TIF", seed: 2) }
        let first = try night.run()
        #expect(first.status == 2, "\(first.error)")
        #expect(first.report?.scenes.ingested == 1 && first.report?.reconciles == true)
        #expect(first.report?.failures.first?.reason.contains("LC08_20210603_B2.TIF is missing") == true)
        let scene = try #require(try night.store.scenes().first)
        #expect(scene.bandCount == 9 && scene.acquiredAt?.ISO8601Format().hasPrefix("2021-06-02") == true)
        #expect(try night.run().report?.scenes.unchanged == 1)
        try night.addScene("LC08_20210602_B3.TIF", seed: 1)
        #expect(try night.run().report?.scenes.known == 1)
        for band in [4, 3, 2] { try FileManager.default.removeItem(atPath: night.path("LC08_20210602_B\(band).TIF")) }
        #expect(try night.run().report?.scenes.retired == 1)
        #expect(try night.store.scenes().isEmpty)
    }

    @Test("What is not a stack of this pipeline stays, whatever the folder; files that no pattern fits end the run and say so")
    func others() throws {
        let night = try Night()
        let stacks = night.folder.appendingPathComponent("stacks").path
        let keys = "stack: {bands: ['*_B4.TIF', '*_B3.TIF'], folder: \(stacks)}\nremoved: {max_share: 1}"
        try night.write(keys)
        try night.addScene("preview.tif", seed: 1)
        let none = try night.run()
        #expect(none.status == 65 && none.error.contains("preview.tif") && none.error.contains("*_B4.TIF, *_B3.TIF"), "\(none.status) \(none.error)")
        for band in [4, 3] { try night.addScene("LC08_20210602_B\(band).TIF", seed: 1) }
        try FileManager.default.createDirectory(atPath: stacks, withIntermediateDirectories: true)
        try "<VRTDataset/>".write(toFile: stacks + "/mine.vrt", atomically: true, encoding: .utf8)
        try "not one".write(toFile: stacks + "/other.vrt", atomically: true, encoding: .utf8)
        #expect(try night.run().report?.scenes.ingested == 1)
        // Another pipeline with the same folder.
        let text = try String(contentsOfFile: night.pipeline, encoding: .utf8)
        try text.replacingOccurrences(of: "name: night", with: "name: second").write(toFile: night.pipeline, atomically: true, encoding: .utf8)
        let second = try night.run()
        #expect(second.report?.failures.first?.reason.contains("a stack of pipeline night") == true, "\(second.error)")
        for name in ["mine.vrt", "other.vrt"] { #expect(FileManager.default.fileExists(atPath: stacks + "/" + name)) }
        // The first band alone is missing: the scene is named, and stays.
        try text.write(toFile: night.pipeline, atomically: true, encoding: .utf8)
        try FileManager.default.removeItem(atPath: night.path("LC08_20210602_B4.TIF"))
        let missing = try night.run()
        #expect(missing.report?.scenes.retired == 0 && missing.report?.failures.first?.reason.contains("LC08_20210602_B4.TIF is missing") == true, "\(missing.error)")
        #expect(try night.store.scenes().count == 1)
        try FileManager.default.removeItem(atPath: night.path("LC08_20210602_B3.TIF"))
        let empty = try night.run()
        #expect(try #require(empty.report, "\(empty.error)").scenes.retired == 0)
        try night.addScene("LC08_20210603_B3.TIF", seed: 2)
        try night.addScene("LC08_20210603_B4.TIF", seed: 2)
        #expect(try night.run().report?.scenes.retired == 1)
        for name in ["mine.vrt", "other.vrt"] { #expect(FileManager.default.fileExists(atPath: stacks + "/" + name)) }
    }

    @Test("One of two mounts that is suddenly empty is refused, night after night, though all stacks lie in one folder; its share is its own")
    func emptyMount() throws {
        let night = try Night()
        let mount = night.folder.appendingPathComponent("mount").path
        let stacks = night.folder.appendingPathComponent("stacks").path
        try FileManager.default.createDirectory(atPath: mount, withIntermediateDirectories: true)
        func write(_ keys: String) throws {
            try night.write("stack: {bands: ['*_B4.TIF', '*_B3.TIF'], folder: \(stacks)}\n" + keys)
            try night.give(sources: [night.archive.path, mount])
        }
        try write("")
        for seed in 1...7 {
            for band in [4, 3] { try night.addScene("L_2021060\(seed)_B\(band).TIF", seed: seed) }
        }
        let files = [4, 3].map { (here: night.path("L_20210607_B\($0).TIF"), there: mount + "/L_20210607_B\($0).TIF") }
        for file in files { try FileManager.default.moveItem(atPath: file.here, toPath: file.there) }
        #expect(try night.run().report?.scenes.ingested == 7)
        for file in files { try FileManager.default.moveItem(atPath: file.there, toPath: file.here + ".away") }
        for _ in 0..<2 {
            let ended = try night.run()
            #expect(ended.status == 3 && ended.error.contains("1 of 1 known files are gone from \(mount)"), "\(ended.status) \(ended.error)")
            #expect(try night.store.scenes().count == 7)
        }
        for file in files { try FileManager.default.moveItem(atPath: file.here + ".away", toPath: file.there) }
        #expect(try night.run().report?.scenes.unchanged == 7)
        // It is meant: the stack goes with its scene.
        for file in files { try FileManager.default.removeItem(atPath: file.there) }
        try write("removed: {max_share: 1}")
        #expect(try night.run().report?.scenes.retired == 1)
        #expect(try night.store.scenes().count == 6 && FileManager.default.contentsOfDirectory(atPath: stacks).count == 6)
    }

    @Test("A stack folder that a link leads into a source is refused")
    func linkedFolder() throws {
        let night = try Night()
        let stacks = night.folder.appendingPathComponent("stacks").path
        try FileManager.default.createDirectory(atPath: night.path("inner"), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: stacks, withDestinationPath: night.path("inner"))
        for band in [4, 3] { try night.addScene("LC08_20210602_B\(band).TIF", seed: 1) }
        try night.write("stack: {bands: ['*_B4.TIF', '*_B3.TIF'], folder: \(stacks)}")
        let ended = try night.run()
        #expect(ended.status == 65 && ended.error.contains("lies in"), "\(ended.error)")
    }
}
