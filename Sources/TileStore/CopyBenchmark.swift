import PostgreSQL
import TileGrid

/// Measures how fast rows go into the database by binary COPY, without merging them: what another client's COPY is compared with.
public struct CopyBenchmark: Sendable {
    /// Rows per second of each round.
    public let rates: [Double]
    /// The table of staging's columns that holds the rows of the last round; the caller drops it.
    public static let table = "public.bench_copy"

    /// Makes `rows` rows of `dimension` values in memory, and copies them `rounds` times into an empty table without indexes.
    ///
    /// - Throws: ``PostgreSQLError``; the table stays then, too.
    public init(rows count: Int, dimension: Int, rounds: Int, connection: Connection) throws {
        let rows = try (0..<count).map { try Self.row($0, dimension: dimension) }
        var rates: [Double] = []
        let clock = ContinuousClock()
        try connection.query("SELECT tilescout.prepare_staging()")
        for _ in 0..<rounds {
            try connection.execute(script: """
                DROP TABLE IF EXISTS \(Self.table);
                CREATE UNLOGGED TABLE \(Self.table) (LIKE pg_temp.tile_staging) WITH (toast_tuple_target = 8160)
                """)
            let started = clock.now
            try connection.copyIn(TileRow.copyStatement(into: Self.table), columns: TileRow.copyColumns.count, rows: rows) { $0.encode(into: &$1) }
            rates.append(Double(count) / ((clock.now - started) / .seconds(1)))
        }
        self.rates = rates
    }

    private static func row(_ number: Int, dimension: Int) throws -> TileRow {
        let west = Double(number % 1000) / 10, south = Double(number / 1000 % 800) / 10
        let embedding = (0..<dimension).map { Float(UInt32(truncatingIfNeeded: (number &* dimension &+ $0) &* 2_654_435_761)) / Float(UInt32.max) - 0.5 }
        return TileRow(
            tileID: TileID(bytes: (0..<16).map { UInt8(truncatingIfNeeded: (UInt64(number) &* 0x9E37_79B9_7F4A_7C15) >> ($0 % 8 * 8)) }), sceneID: number / 1024,
            window: PixelWindow(x: number % 1024 * 256, y: 0, width: 256, height: 256), crs: "EPSG:32633",
            geoTransform: GeoTransform(originX: west, originY: south, pixelWidth: 0.1, pixelHeight: -0.1),
            footprint: try Footprint(bounds: .init(west: west, south: south, east: west + 0.1, north: south + 0.1)), validFraction: 1, cloudFraction: nil,
            embedding: embedding)
    }
}
