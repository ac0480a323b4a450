import Foundation
import PostgreSQL
import Testing
import TileStore

/// `tilescout.content_hash`, by which tests of kills, restores and disks that fill tell that nothing is lost or other than it was.
@Suite struct ContentHashTests {
    /// Values that no row of `filled` has, by table and column.
    private static let others: [String: [String: String]] = [
        "scene": [
            "collection_id": "2", "sha256": "repeat('e', 64)", "path": "'/moved.tif'", "size": "1", "driver": "'PNG'", "width": "1", "height": "1", "band_count": "4",
            "band_descriptions": "'{red,green,nir}'", "data_type": "'UInt16'", "nodata": "0", "crs_name": "'EPSG:4979'", "crs_wkt": "'GEOGCRS[]'",
            "geotransform": "'{0,0.1,0,1e-9,0,-0.1}'", "ground_sample_distance": "10.000000000000002", "acquired_at": "acquired_at + interval '1 microsecond'",
            "acquired_source": "'name'", "footprint": "ST_Translate(footprint, 1e-12, 0)", "stretch": #"'{"low": 1}'"#,
        ],
        "tile": [
            "id": "'00000000-0000-0000-0000-0000000000ff'", "collection_id": "2", "scene_id": "2", "x": "99", "y": "99", "width": "1", "height": "1", "crs": "'EPSG:4979'",
            "geotransform": "'{0,0.1,0,1e-9,0,-0.1}'", "valid_fraction": "0.9999999", "cloud_fraction": "NULL", "footprint": "ST_Translate(footprint, 1e-12, 0)",
        ],
        "embedding_1": [
            "tile_id": "'00000000-0000-0000-0000-0000000000ff'", "collection_id": "2", "scene_id": "2", "acquired_at": "NULL", "valid_fraction": "0.9999999",
            "cloud_fraction": "0.25000003", "ground_sample_distance": "11", "footprint": "ST_Reverse(footprint)",
            // One bit of one number.
            "embedding": "(embedding::real[])[:7]::real[] || (embedding::real[])[8] * 1.001::real",
        ],
        "model": ["name": "'other'", "weights_sha256": "repeat('e', 64)", "preprocessing": #"'{"side": 1}'"#, "dimension": "9"],
    ]

    /// What says how content came in, or follows from the rest.
    private static let leftOut: Set<String> = [
        "scene.id", "scene.run_id", "scene.created_at", "tile.tiling_id", "tile.run_id", "embedding_1.run_id", "embedding_1.place", "model.id", "model.serving",
        "model.hnsw_through_run", "model.created_at", "model.looks_generation", "model.looks_through_run", "model.coded_in",
    ]

    /// Two scenes of three tiles each, in an order, after so many other runs.
    private func filled(_ numbers: [Int] = [0, 1], runsBefore: Int = 0) throws -> StoreFixture {
        var f = try StoreFixture()
        for turn in 0..<runsBefore {
            try f.store.finish(f.run, .failed(reason: "test"))
            f.run = try f.store.beginRun(StoreFixture.request(model: f.model.name, options: #"{"n": \#(turn)}"#))
        }
        for number in numbers {
            let scene = try f.addScene(number, acquired: StoreFixture.day(number))
            let rows = (0..<3).map { f.row(3 * number + $0, scene: scene, at: (Double($0), Double(number)), cloud: 0.25) }
            _ = try f.store.merge(numbers[0] == 0 ? rows : rows.reversed(), run: f.run)
        }
        try f.store.finish(f.run, .published)
        try f.store.connection.execute(script: "INSERT INTO tilescout.collection (name) VALUES ('d')")
        return f
    }

    /// The hash after a statement that is taken back.
    private func hash(_ f: StoreFixture, after statement: String) throws -> String {
        try f.store.connection.execute(script: "BEGIN; \(statement)")
        defer { try? f.store.connection.execute(script: "ROLLBACK") }
        return try f.store.contentHash()
    }

    @Test func oneValueThatIsOtherMakesAnother() throws {
        let f = try filled(), before = try f.store.contentHash()
        var hashes: Set = [before]
        for (table, columns) in Self.others {
            for (column, value) in columns {
                let hash = try hash(f, after: "UPDATE tilescout.\(table) SET \(column) = \(value) WHERE ctid = (SELECT min(ctid) FROM tilescout.\(table))")
                #expect(hashes.insert(hash).inserted, "\(table).\(column)")
            }
        }
        #expect(try f.store.contentHash() == before)
    }

    @Test func everyColumnCountsOrSaysHowContentCameIn() throws {
        let f = try filled()
        let columns = try f.store.connection.query("""
            SELECT table_name || '.' || column_name AS name FROM information_schema.columns WHERE table_schema = 'tilescout' AND table_name = ANY ($1)
            """, [Array(Self.others.keys)]).map { try $0["name"] as String }
        #expect(Set(columns) == Self.leftOut.union(Self.others.flatMap { table, columns in columns.keys.map { "\(table).\($0)" } }))
    }

    @Test func whatIsGoneOrHasChangedPlacesMakesAnother() throws {
        let f = try filled()
        var hashes: Set = [try f.store.contentHash()]
        let statements = [
            "DELETE FROM tilescout.scene WHERE id = 2", "DELETE FROM tilescout.tile WHERE id = (SELECT min(id::text)::uuid FROM tilescout.tile)",
            "DELETE FROM tilescout.embedding_1 WHERE ctid = (SELECT max(ctid) FROM tilescout.embedding_1)", "TRUNCATE tilescout.embedding_1",
            "UPDATE tilescout.run SET state = 'rolled_back', publish_order = NULL", "INSERT INTO tilescout.retirement (scene_id, retired_by) VALUES (1, 1)",
            "UPDATE tilescout.collection SET name = 'renamed' WHERE id = 1",
            """
            UPDATE tilescout.embedding_1 AS e SET embedding = o.embedding FROM tilescout.embedding_1 AS o
            WHERE e.tile_id::text ~ '[01]$' AND o.tile_id::text ~ '[01]$' AND o.tile_id <> e.tile_id
            """,
        ]
        for statement in statements {
            let hash = try hash(f, after: statement)
            #expect(hashes.insert(hash).inserted, "\(statement)")
        }
    }

    @Test func neitherHowItCameInNorHowASessionWritesMakesAnother() throws {
        let f = try filled(), one = try f.store.contentHash()
        #expect(try filled([1, 0], runsBefore: 2).store.contentHash() == one)
        for setting in ["DateStyle = 'German'", "extra_float_digits = -15", "TimeZone = 'Pacific/Kiritimati'", "bytea_output = 'escape'", "search_path = pg_catalog"] {
            #expect(try hash(f, after: "SET LOCAL \(setting)") == one, "\(setting)")
        }
    }
}
