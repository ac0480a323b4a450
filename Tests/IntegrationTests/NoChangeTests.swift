import Foundation
import TestCluster
import TileStore
import Testing

/// Most nights bring little. Looking at what is known costs a stat(2) a file and one query, whatever the archive holds.
@Suite("A night without news", .serialized)
final class NoChangeTests {
    private static let scenes = 100_000
    private static let perFolder = 1000

    @Test("100,000 known scenes are looked at without reading one")
    func hundredThousand() throws {
        let night = try Night()
        try night.addScene("first.tif", seed: 1)
        #expect(try night.run().status == 0)
        // Files of which only size and time count, and rows as an ingest of them leaves behind.
        var times = [timeval(tv_sec: 1_600_000_000, tv_usec: 0), timeval(tv_sec: 1_600_000_000, tv_usec: 0)]
        for number in 0..<Self.scenes {
            let folder = night.path("f\(number / Self.perFolder)")
            if number % Self.perFolder == 0 { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }
            let path = "\(folder)/\(number).tif"
            let file = open(path, O_CREAT | O_WRONLY, 0o644)
            #expect(write(file, "scene", 5) == 5)
            close(file)
            utimes(path, &times)
        }
        try night.store.connection.execute(script: """
            INSERT INTO tilescout.scene (collection_id, sha256, path, size, driver, width, height, band_count, band_descriptions, data_type, crs_name, crs_wkt,
                    geotransform, footprint, run_id)
                SELECT s.collection_id, encode(sha256(n::text::bytea), 'hex'), '\(night.archive.path)/f' || n / \(Self.perFolder) || '/' || n || '.tif', 5,
                       s.driver, s.width, s.height, s.band_count, s.band_descriptions, s.data_type, s.crs_name, s.crs_wkt, s.geotransform, s.footprint, s.run_id
                FROM (SELECT * FROM tilescout.scene LIMIT 1) AS s, generate_series(0, \(Self.scenes - 1)) AS n;
            INSERT INTO tilescout.scene_file (collection_id, path, size, modified_ns, scene_id)
                SELECT collection_id, path, size, 1600000000000000000, id FROM tilescout.scene WHERE size = 5;
            INSERT INTO tilescout.run_scene (run_id, scene_id, tiling_id, complete)
                SELECT s.run_id, s.id, t.id, true FROM tilescout.scene AS s, tilescout.tiling AS t WHERE s.size = 5;
            ANALYZE;
            """)
        let before = try transactions(of: night.store)
        let started = Date()
        let ended = try night.run()
        let wall = Date().timeIntervalSince(started)
        let report = try #require(ended.report, "\(ended.error)")
        #expect(ended.status == 0 && report.scenes.unchanged == Self.scenes + 1 && report.scenes.ingested == 0 && report.reconciles)
        print("no change: \(Self.scenes) scenes in \(String(format: "%.1f", wall)) s, steps: \(ended.steps)")
        // The seconds, 7 alone on two cores, are in docs/reliability.md, and depend on what else the machine does. What was read would have failed,
        // and be no unchanged scene; what was asked of the server for each file would be a transaction for each.
        let asked = try transactions(of: night.store) - before
        #expect(asked < Self.scenes / 100, "\(asked) transactions, \(String(format: "%.1f", wall)) s")
    }

    /// How many the server has counted in this database.
    private func transactions(of store: TileStore) throws -> Int {
        try store.connection.query("SELECT xact_commit + xact_rollback AS n FROM pg_stat_database WHERE datname = current_database()")[0]["n"]
    }
}
