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
        #expect(scene.bandCount == 3 && scene.acquiredAt?.ISO8601Format().hasPrefix("2021-06-02") == true)
        #expect(try night.run().report?.scenes.unchanged == 1)
        try night.addScene("LC08_20210602_B3.TIF", seed: 1)
        #expect(try night.run().report?.scenes.known == 1)
        for band in [4, 3, 2] { try FileManager.default.removeItem(atPath: night.path("LC08_20210602_B\(band).TIF")) }
        #expect(try night.run().report?.scenes.retired == 1)
        #expect(try night.store.scenes().isEmpty)
    }
}
