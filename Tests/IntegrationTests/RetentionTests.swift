import Foundation
import Testing
import TileStore

@Suite("Retention") struct RetentionTests {
    @Test("A night deletes what was replaced before the nights that are kept, says so, and can be rolled back itself") func nights() throws {
        let night = try Night("retention: {runs: 1}")
        func rows() throws -> [Int] {
            try ["scene", "tile", "embedding_1"].map { try night.store.connection.query("SELECT count(*) AS n FROM tilescout.\($0)")[0]["n"] }
        }
        var reports: [Night.Report] = []
        for seed in 1...3 {
            try night.addScene("a.tif", seed: seed)
            if seed == 1 { try night.addScene("b.tif", seed: 9) }
            let ended = try night.run()
            reports.append(try #require(ended.report, "\(ended.error)"))
            #expect(ended.status == 0 && reports[seed - 1].scenes.ingested == (seed == 1 ? 2 : 1) && reports[seed - 1].reconciles, "\(ended.error)")
            // The first night's scene of a.tif is kept for the second's sake alone.
            #expect(try rows() == [[2, 4, 4], [3, 6, 6], [3, 6, 6]][seed - 1])
            #expect(reports[seed - 1].notes.contains("retention deleted 1 replaced scenes with 2 tiles") == (seed == 3), "\(reports[seed - 1].notes)")
            #expect(Set(try night.store.scenes().map(\.path)) == [night.path("a.tif"), night.path("b.tif")])
        }
        // A night without changes counts, too.
        let quiet = try #require(try night.run().report)
        #expect(quiet.scenes.unchanged == 2)
        #expect(try rows() == [2, 4, 4])
        #expect(try night.run().report?.notes.contains { $0.contains("retention") } == false)
        #expect(try rows() == [2, 4, 4] && night.store.scenes().count == 2)
        let back = try night.program.run(["rollback", "\(reports[2].run)", "--through"])
        #expect(back.status != 0 && back.error.contains("has been deleted since: retention"), "\(back.error)")
        #expect(try night.program.run(["rollback"]).status == 0)
        #expect(try rows() == [2, 4, 4] && night.store.scenes().count == 2)
    }
}
