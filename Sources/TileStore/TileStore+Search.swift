import Foundation
import PostgreSQL
import TileGrid

extension TileStore {
    /// Tiles that look alike, nearest first: as `tilescout.search`, with the plan that found them.
    ///
    /// Throws ``StoreError`` for an embedding with a value that is no number, ``PostgreSQLError`` with the reason for
    /// an unknown tile, model or collection, a wrong dimension, an invalid area, and k outside 1 to 10,000.
    public func search(_ request: SearchRequest) throws -> SearchAnswer {
        if let embedding = request.embedding, !embedding.allSatisfy(\.isFinite) {
            throw StoreError(operation: "search", thing: "by embedding", reason: "it holds a value that is no number", code: .invalidRequest)
        }
        let rows = try connection.query(Self.searchStatement, try request.parameters, operation: "search")
        let head = rows[0]
        let found = try rows.filter { try ($0["rank"] as Int?) != nil }.map { try SearchHit($0) }
        return SearchAnswer(
            hits: found, plan: try head["plan"], exact: try head["exact"], rowsPassing: try head["rows_passing"],
            rowsEstimated: try head["rows_estimated"], model: try head["model_name"])
    }

    private static let searchStatement = """
        SELECT a.plan, a.exact, a.rows_passing, a.rows_estimated, a.model_name, hit.rank, hit.tile_id, hit.distance, hit.collection, hit.scene_id,
               hit.scene_path, hit.acquired_at, hit.valid_fraction, hit.cloud_fraction, hit.lon, hit.lat, tilescout.geojson(hit.footprint) AS footprint
        FROM tilescout.run_search(like_tile => $1, embedding => tilescout.to_halfvec($2), positives => $3, negatives => $4,
                k => $5::int, within => tilescout.area_of($6, $7), acquired => tstzrange($8, $9), collections => $10, min_valid => $11, max_cloud => $12,
                one_per_place => $13, model => $14, exclude_self => $15, exclude_scene => $16, exclude_place => $17, count_passing => $18,
                near => tilescout.area_of($19, $20), radius => $21, resolution => numrange($22::float8::numeric, $23::float8::numeric, '[]'),
                max_distance => $24, after => $25) AS a
        LEFT JOIN LATERAL tilescout.present(a.tiles, a.tile_collections, a.distances) AS hit ON true
        ORDER BY hit.rank
        """
}

extension SearchRequest {
    fileprivate var parameters: [(any SQLParameter)?] {
        get throws {
            // The server's int is 32 bits wide; beyond that the number is absurd anyhow, and it says so.
            let bounded = Int(Int32(clamping: k))
            return [
                likeTile?.uuid, embedding, positives.map(\.uuid), negatives.map(\.uuid), bounded, within?.format, within?.text.storable,
                acquired?.from, acquired?.to, collections, minValid, maxCloud, onePerPlace, model, excludeSelf, excludeScene, excludePlace, countPassing,
                near?.place.format, near?.place.text.storable, near?.radius, resolution?.lowerBound, resolution?.upperBound, maxDistance, after?.uuid,
            ]
        }
    }
}

extension SearchHit {
    fileprivate init(_ row: Row) throws {
        rank = try row["rank"]
        tileID = TileID(try row["tile_id"] as UUID)
        distance = try row["distance"]
        collection = try row["collection"]
        sceneID = try row["scene_id"]
        scenePath = try row["scene_path"]
        acquiredAt = try row["acquired_at"]
        validFraction = try row["valid_fraction"]
        cloudFraction = try row["cloud_fraction"]
        lon = try row["lon"]
        lat = try row["lat"]
        footprintGeoJSON = try row["footprint"]
    }
}
