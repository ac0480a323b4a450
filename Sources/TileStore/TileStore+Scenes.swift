import Foundation
import PostgreSQL
import TileGrid

extension TileStore {
    /// What is left to do for a file, told by path, size and time alone: no byte of it is read.
    public func sceneStatus(_ file: SceneFile, run: Run) throws -> SceneStatus { try sceneStatus(file, sha256: nil, run: run) }

    /// What is left to do for a file whose bytes are known.
    public func sceneStatus(_ file: SceneFile, sha256: String?, run: Run) throws -> SceneStatus {
        let rows = try connection.query(
            "SELECT scene_id, complete FROM tilescout.scene_status($1::int, $2::int, $3, $4, $5, $6)",
            [run.id, run.tilingID, file.path, file.size, file.modifiedNanoseconds, sha256], operation: "look up scene \(file.path)")
        guard let row = rows.first else { return .unknown }
        let complete: Bool = try row["complete"]
        return complete ? .complete(sceneID: try row["scene_id"]) : .known(sceneID: try row["scene_id"])
    }

    /// Notes that a file holds a known scene: under a new path, or with a new time. The scene that it held before, if no
    /// other file has it, is hidden when the run is published.
    public func note(_ file: SceneFile, holds sceneID: Int, run: Run) throws {
        try connection.query(
            "SELECT tilescout.note_scene_file($1::int, $2, $3, $4, $5)", [run.id, sceneID, file.path, file.size, file.modifiedNanoseconds],
            operation: "note the file \(file.path)")
    }

    /// Stores a scene, or finds the one with the same bytes in the run's collection. Returns its id.
    public func upsertScene(_ scene: SceneRecord, run: Run) throws -> Int {
        try connection.query(
            """
            SELECT tilescout.upsert_scene($1::int, $2, $3, $4, $5, $6, $7::int, $8::int, $9::int, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
            $20::text::jsonb) AS id
            """,
            [
                run.id, scene.sha256, scene.file.path, scene.file.size, scene.file.modifiedNanoseconds, scene.driver, scene.width, scene.height,
                scene.bandCount, scene.bandDescriptions.map(\.storable), scene.dataType, scene.nodata, scene.crsName, scene.crsWKT,
                scene.geoTransform.coefficients, scene.groundSampleDistance, scene.acquisition?.at, scene.acquisition?.source,
                SQLBytes(scene.footprint.ewkb), scene.stretch,
            ], operation: "store scene \(scene.file.path)")[0]["id"]
    }

    /// Marks a scene as gone through. Call it after its last batch was merged.
    /// - Parameters:
    ///   - skipped: tiles left out, by reason.
    ///   - tiles: all tiles of the scene's layout: they are counted against what is stored. nil: nothing is counted.
    /// - Throws: `TilesTakenAway` where some are neither stored nor left out; `PostgreSQLError`.
    public func finishScene(_ sceneID: Int, run: Run, skipped: [String: Int] = [:], tiles: [TileID]? = nil) throws {
        let reasons = String(decoding: try JSONSerialization.data(withJSONObject: skipped, options: .sortedKeys), as: UTF8.self)
        do {
            try connection.query(
                "SELECT tilescout.finish_scene($1::int, $2, $3::int, $4::text::jsonb, $5)", [run.id, sceneID, run.tilingID, reasons, tiles.map { $0.map(\.uuid) }],
                operation: "finish scene \(sceneID)")
        } catch let error as PostgreSQLError where error.sqlstate == PostgreSQLError.State.serializationFailure {
            throw TilesTakenAway(reason: error.message)
        }
    }

    /// Published scenes.
    public func scenes(collection: String? = nil) throws -> [SceneListing] {
        try connection.query(
            "SELECT \(SceneListing.columns) FROM tilescout.scenes WHERE $1::text IS NULL OR collection = $1 ORDER BY collection, path, id", [collection],
            operation: "list scenes").map(SceneListing.init)
    }

    /// Ids of scenes by number, by path, or by eight or more leading digits of their SHA-256.
    public func findScenes(_ what: String, collection: String? = nil) throws -> [Int] {
        try connection.query("SELECT id FROM tilescout.find_scenes($1, $2)", [what, collection], operation: "find scene \(what)").map { try $0["id"] }
    }

    /// Removes a scene with its tiles and vectors. Returns the number of tiles.
    @discardableResult
    public func forget(sceneID: Int) throws -> Int {
        try connection.query("SELECT tilescout.forget_scene($1) AS tiles", [sceneID], operation: "forget scene \(sceneID)")[0]["tiles"]
    }
}
