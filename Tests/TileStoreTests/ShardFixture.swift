import Foundation
import PostgreSQL
import TestCluster
import TileGrid
import TileStore

/// Generated tiles in one database, and the same tiles parted by scene over shards that a coordinator asks.
struct ShardFixture {
    /// Where shards beside the shared cluster's lie: servers of their own.
    static let second = Result { try TestCluster(named: "second") }
    static let third = Result { try TestCluster(named: "third") }

    struct Scene {
        let number: Int
        let collection: String
        let acquired: Date?
        /// Names of the shards that hold it.
        var shards: [String]
    }

    struct Tile {
        let id: TileID
        let scene: Int
        let west, south, side: Double
        let valid: Float
        let cloud: Float?
        let embedding: [Float]
    }

    static let dimension = 32
    static let model = ModelDescription(name: "sharded", weightsSHA256: String(repeating: "a", count: 64), preprocessing: #"{"side": 224}"#, dimension: dimension)

    let scenes: [Scene]
    let tiles: [Tile]
    let single: TileStore
    let shards: [(name: String, store: TileStore, cluster: TestCluster)]
    let coordinator: Connection

    /// - Parameter clusters: one for each shard, which are called a, b, c…
    init(scenes: [Scene], tiles: [Tile], clusters: [TestCluster]) throws {
        self.scenes = scenes
        self.tiles = tiles
        let shared = try TestCluster.shared.get()
        single = TileStore(connection: try shared.migratedDatabase())
        try Self.fill(single, scenes, tiles)
        shards = try zip("abcdefgh", clusters).map { ("\($0)", TileStore(connection: try $1.migratedDatabase()), $1) }
        for shard in shards {
            let here = scenes.filter { $0.shards.contains(shard.name) }
            try Self.fill(shard.store, here, tiles.filter { tile in here.contains { $0.number == tile.scene } })
        }
        coordinator = try shared.migratedDatabase()
        try coordinator.execute(script: "CREATE EXTENSION postgres_fdw SCHEMA public")
        for shard in shards { try Self.addServer(shard.name, shard.store, shard.cluster, to: coordinator) }
        for shard in shards { try coordinator.query("SELECT tilescout.add_shard($1, $2::text::name)", [shard.name, "server_\(shard.name)"]) }
    }

    static func addServer(_ name: String, _ store: TileStore, _ cluster: TestCluster, to coordinator: Connection) throws {
        let database: String = try store.connection.query("SELECT current_database()::text AS name")[0]["name"]
        try coordinator.execute(script: """
            CREATE SERVER server_\(name) FOREIGN DATA WRAPPER postgres_fdw
                OPTIONS (host '\(cluster.cluster.socketFolder.path)', port '5432', dbname '\(database)', extensions 'postgis,vector');
            CREATE USER MAPPING FOR CURRENT_USER SERVER server_\(name) OPTIONS (user 'tilescout');
            """)
    }

    private static func fill(_ store: TileStore, _ scenes: [Scene], _ tiles: [Tile]) throws {
        _ = try store.register(model)
        for collection in Set(scenes.map(\.collection)).sorted() {
            let run = try store.beginRun(StoreFixture.request(collection: collection, model: model.name))
            for scene in scenes where scene.collection == collection {
                let id = try store.upsertScene(StoreFixture.scene(scene.number, acquired: scene.acquired), run: run)
                _ = try store.merge(tiles.filter { $0.scene == scene.number }.map { $0.row(scene: id) }, run: run)
            }
            try store.finish(run, .published)
        }
    }

    /// Scenes of three collections, each on one of three shards, with vectors and places that depend on the seed alone. Some tiles have the
    /// same vector, some are seen again by another scene, some have neither date nor cloud.
    static func random(seed: UInt64, clusters: [TestCluster]) throws -> ShardFixture {
        var random = SeededRandom(seed: seed)
        let names = zip("abcdefgh", clusters).map { "\($0.0)" }
        let scenes = (0..<12).map { number in
            Scene(
                number: number, collection: ["coast", "field", "town"][number % 3],
                acquired: number % 5 == 4 ? nil : Date(timeIntervalSince1970: 1_577_836_800 + Double(number) * 40 * 86_400),
                // Collection “town” is on one shard alone, the others on several.
                shards: [number % 3 == 2 ? names[names.count - 1] : names.randomElement(using: &random)!])
        }
        var tiles: [Tile] = []
        for number in 0..<2400 {
            let scene = number % 12
            let again = number > 200 && Int.random(in: 0..<10, using: &random) == 0 ? tiles.randomElement(using: &random) : nil
            let look = (0..<dimension).map { Float(sin(Double(scene * $0))) * 0.5 + Float.random(in: -1...1, using: &random) }
            tiles.append(Tile(
                id: StoreFixture.id(Int.random(in: 0..<0x7FFF_FFFF, using: &random) << 16 | number), scene: scene,
                west: again?.west ?? Double.random(in: 0...10, using: &random), south: again?.south ?? Double.random(in: 0...10, using: &random),
                side: again?.side ?? Double.random(in: 0.05...0.5, using: &random), valid: Float.random(in: 0...1, using: &random),
                cloud: number % 3 == 0 ? nil : Float.random(in: 0...1, using: &random),
                embedding: number % 50 == 49 ? tiles[number - 31].embedding : StoreFixture.unit(look)))
        }
        return try ShardFixture(scenes: scenes, tiles: tiles, clusters: clusters)
    }
}

extension ShardFixture.Tile {
    func row(scene: Int) -> TileRow {
        TileRow(
            tileID: id, sceneID: scene, window: PixelWindow(x: 0, y: 0, width: 256, height: 256), crs: "EPSG:4326",
            geoTransform: GeoTransform(originX: west, originY: south, pixelWidth: 0.1, pixelHeight: -0.1),
            footprint: StoreFixture.box(west: west, south: south, width: side, height: side), validFraction: valid, cloudFraction: cloud, embedding: embedding)
    }

    /// As `tilescout.same_place` has it, of boxes.
    func isSamePlace(as other: Self) -> Bool {
        let width = min(west + side, other.west + other.side) - max(west, other.west)
        let height = min(south + side, other.south + other.side) - max(south, other.south)
        return width > 0 && height > 0 && width * height > 0.2 * min(side * side, other.side * other.side)
    }
}
