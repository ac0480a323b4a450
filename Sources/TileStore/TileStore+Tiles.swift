import Foundation
import PostgreSQL
import TileGrid

extension TileStore {
    /// Those of `tiles` that the run's model has embedded in its collection: they need no encoding.
    public func existingTiles(_ tiles: [TileID], run: Run) throws -> Set<TileID> {
        guard !tiles.isEmpty else { return [] }
        let rows = try connection.query(
            "SELECT id FROM tilescout.existing_tiles($1::int, $2) AS known (id)", [run.id, tiles.map(\.uuid)], operation: "look up tiles")
        return Set(try rows.map { TileID(try $0["id"] as UUID) })
    }

    /// Stores a batch with its ledger in one transaction: all of it, or nothing. Tiles that are there stay as they are;
    /// duplicates within the batch collapse.
    ///
    /// Throws ``StoreError`` for an embedding with a value that is no number, ``PostgreSQLError`` for a wrong dimension, a zero vector, or
    /// a scene of another collection. A transient fault (deadlock, serialization) is tried again.
    public func merge(_ batch: [TileRow], run: Run) throws -> MergeCounts {
        guard !batch.isEmpty else { return MergeCounts() }
        for row in batch where !row.embedding.allSatisfy(\.isFinite) {
            throw StoreError(operation: "store", thing: "tile \(row.tileID)", reason: "its embedding holds a value that is no number", code: .invalidRequest)
        }
        // In the order of ids: merges that run side by side meet each other's keys in one order.
        let order = batch.indices.sorted { (batch[$0].tileID, $0) < (batch[$1].tileID, $1) }
        let unique = order.enumerated().filter { $0.offset == 0 || batch[order[$0.offset - 1]].tileID != batch[$0.element].tileID }.map(\.element)

        var counts = try retryingTransientFaults { try mergeOnce(unique.map { batch[$0] }, run: run) }
        counts.alreadyThere += batch.count - unique.count
        return counts
    }

    private func mergeOnce(_ rows: [TileRow], run: Run) throws -> MergeCounts {
        try connection.transaction(operation: "merge tiles") {
            try connection.query("SELECT tilescout.prepare_staging()", operation: "merge tiles")
            try connection.copyIn(
                TileRow.copyStatement(into: "pg_temp.tile_staging"), columns: TileRow.copyColumns.count, rows: rows, operation: "merge tiles"
            ) { $0.encode(into: &$1) }
            let row = try connection.query(
                "SELECT inserted, already_there FROM tilescout.merge_tiles($1::int, $2::int)", [run.id, run.tilingID], operation: "merge tiles")[0]
            return MergeCounts(inserted: try row["inserted"], alreadyThere: try row["already_there"])
        }
    }

    /// Deadlocks cannot come of merges alone, but a person's own statements may meet them.
    private static let attempts = 3

    private func retryingTransientFaults<T>(_ body: () throws -> T) throws -> T {
        for _ in 1..<Self.attempts {
            do {
                return try body()
            } catch let error as PostgreSQLError where error.isTransient {
                continue
            }
        }
        return try body()
    }

    /// A published tile, of any collection that has it; nil when there is none.
    public func tile(_ id: TileID) throws -> TileRecord? {
        try connection.query(
            "SELECT \(TileRecord.columns) FROM tilescout.tiles WHERE id = $1 ORDER BY collection LIMIT 1", [id.uuid], operation: "look up tile \(id)")
            .first.map { try TileRecord($0) }
    }

    /// Published tiles by id; unknown ones are left out.
    public func tiles(_ ids: [TileID]) throws -> [TileRecord] {
        guard !ids.isEmpty else { return [] }
        return try connection.query(
            "SELECT \(TileRecord.columns) FROM tilescout.tiles WHERE id = ANY ($1) ORDER BY id, collection", [ids.map(\.uuid)],
            operation: "look up tiles").map { try TileRecord($0) }
    }

    /// Published tiles that cover a place in WGS84 degrees, those whose middle is nearest first.
    public func tiles(lon: Double, lat: Double, collections: [String]? = nil, limit: Int = 10) throws -> [TileRecord] {
        try connection.query(
            "SELECT \(TileRecord.columns) FROM tilescout.tiles_at($1, $2, $3, $4::int)", [lon, lat, collections, limit],
            operation: "look up tiles at \(lon), \(lat)").map { try TileRecord($0) }
    }

    /// Bytes that a tile will take, tables and indexes: measured on tiles of 256 pixels with footprints of five points.
    public static func estimatedBytesPerTile(dimension: Int) -> Int {
        // Row of the embedding table with its vector, the same again in packs, and twice in codes of half a byte a dimension; the tile row, four index entries (docs/scaling.md).
        let vector = 2 * dimension
        return 2 * vector + dimension + 950
    }
}
