import Foundation
import PostgreSQL
import TestCluster
import TileGrid
import TileStore

/// A store with a registered model and one open run, and rows to put into it.
struct StoreFixture {
    var store: TileStore
    let model: ModelRecord
    var run: Run
    let dimension: Int

    /// - Parameter store: migrated and empty; nil: one of its own.
    init(dimension: Int = 8, options: String = "{}", store: TileStore? = nil) throws {
        self.store = try store ?? TileStore(connection: TestCluster.shared.get().migratedDatabase())
        self.dimension = dimension
        model = try self.store.register(ModelDescription(name: "test-\(dimension)", weightsSHA256: String(repeating: "a", count: 64), preprocessing: "{}", dimension: dimension))
        run = try self.store.beginRun(Self.request(model: model.name, options: options))
    }

    static func request(collection: String = "c", model: String, options: String = "{}", tiling: String = "256") -> RunRequest {
        RunRequest(collection: collection, model: model, options: options, tiling: tiling, version: "test")
    }

    func anotherStore() throws -> TileStore { TileStore(connection: try TestCluster.shared.get().another(like: store.connection)) }

    func addScene(_ number: Int, acquired: Date? = nil, path: String? = nil) throws -> Int {
        try store.upsertScene(Self.scene(number, acquired: acquired, path: path), run: run)
    }

    static func scene(_ number: Int, acquired: Date? = nil, path: String? = nil) -> SceneRecord {
        SceneRecord(
            file: SceneFile(path: path ?? "/scenes/\(number).tif", size: 1_000 + number, modifiedNanoseconds: 1_700_000_000_000_000_000 + number),
            sha256: String(repeating: "0", count: 56) + String(UInt32(number) | 0x1000_0000, radix: 16), driver: "GTiff", width: 1024, height: 1024, bandCount: 3,
            bandDescriptions: ["red", "green", "blue"], dataType: "Byte", nodata: nil, crsName: "EPSG:4326", crsWKT: "GEOGCRS[…]",
            geoTransform: GeoTransform(originX: 0, originY: 0, pixelWidth: 0.1, pixelHeight: -0.1), groundSampleDistance: 10,
            acquisition: acquired.map { .init(at: $0, source: "test") }, footprint: box(west: 0, south: 0, width: 10, height: 10))
    }

    /// Across the antimeridian where it reaches as far.
    static func box(west: Double, south: Double, width: Double, height: Double) -> Footprint {
        try! Footprint(bounds: .init(west: west, south: south, east: west + width > 180 ? west + width - 360 : west + width, north: south + height))
    }

    /// Radians, against the clock, round its south-western corner.
    static func square(at corner: (lon: Double, lat: Double), side: Double, turned angle: Double) -> Footprint {
        try! .densified(
            window: PixelWindow(x: 0, y: 0, width: 256, height: 256),
            geoTransform: GeoTransform(originX: 0, originY: side, pixelWidth: side / 256, pixelHeight: -side / 256)
        ) { $0.map { Point(x: corner.lon + $0.x * cos(angle) - $0.y * sin(angle), y: corner.lat + $0.x * sin(angle) + $0.y * cos(angle)) } }
    }

    static func id(_ number: Int) -> TileID { 
        TileID(bytes: (0..<16).map { UInt8(truncatingIfNeeded: $0 < 8 ? 0 : number >> (8 * (15 - $0))) })
    }

    /// What searches plan by, so that this small table is planned for as a large one is: up to how many cells an area is small, and what comparing takes, as SQL of `rows`; nil leaves it as it is.
    func plan(fewCells: Int? = nil, exactMicroseconds: String? = nil) throws {
        if let fewCells { try replace("few_cells() RETURNS int", "SELECT \(fewCells)") }
        if let exactMicroseconds { try replace("exact_microseconds(dimension int, rows double precision) RETURNS double precision STRICT", "SELECT \(exactMicroseconds)") }
    }

    /// Gives a function of the schema, which depends on its arguments alone, another body.
    func replace(_ signature: String, _ body: String) throws {
        try store.connection.execute(script: "CREATE OR REPLACE FUNCTION tilescout.\(signature) LANGUAGE sql IMMUTABLE PARALLEL SAFE AS '\(body)'")
    }

    func row(
        _ number: Int, scene: Int, at place: (lon: Double, lat: Double) = (0, 0), side: Double = 0.1, turned angle: Double = 0, valid: Float = 1, cloud: Float? = nil,
        embedding: [Float]? = nil
    ) -> TileRow {
        TileRow(
            tileID: Self.id(number), sceneID: scene, window: PixelWindow(x: number, y: 0, width: 256, height: 256), crs: "EPSG:4326",
            geoTransform: GeoTransform(originX: place.lon, originY: place.lat, pixelWidth: 0.1, pixelHeight: -0.1),
            footprint: angle == 0 ? Self.box(west: place.lon, south: place.lat, width: side, height: side) : Self.square(at: place, side: side, turned: angle),
            validFraction: valid, cloudFraction: cloud, embedding: embedding ?? Self.direction(number, dimension))
    }

    /// A unit vector that depends on the number alone.
    static func direction(_ number: Int, _ dimension: Int) -> [Float] {
        var random = SeededRandom(seed: UInt64(number) &* 7919 &+ 17)
        return direction(dimension, using: &random)
    }

    static func direction(_ dimension: Int, using random: inout SeededRandom) -> [Float] {
        unit((0..<dimension).map { _ in Float.random(in: -1...1, using: &random) })
    }

    static func day(_ number: Int) -> Date { Date(timeIntervalSince1970: 1_600_000_000 + 86_400 * Double(number)) }

    /// A range of dates in SQL, open at an end or closed, of one to all of so many days; NULL half of the time.
    static func dates(_ random: inout SeededRandom, days: Int = 360) -> String {
        guard Bool.random(using: &random) else { return "NULL" }
        let step = days / 18, from = Int.random(in: 0...17, using: &random), to = Int.random(in: from + 1...18, using: &random)
        func instant(_ number: Int) -> String { Bool.random(using: &random) ? "to_timestamp(\(day(step * number).timeIntervalSince1970))" : "NULL" }
        return "tstzrange(\(instant(from)), \(instant(to)), '\(["[]", "[)", "(]"].randomElement(using: &random)!)')"
    }

    /// As SQL writes it, quotes and all.
    static func literal(_ vector: [Float]) -> String { "'[\(vector.map { "\($0)" }.joined(separator: ","))]'" }

    static func unit(_ values: [Float]) -> [Float] {
        let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return values.map { $0 / norm }
    }
}
