import Foundation
import TestCluster
import TileGrid

/// A random question to `tilescout.search` and `tilescout.search_shards`, and what brute force answers to it.
struct ShardQuestion {
    var like: ShardFixture.Tile?
    var embedding: [Float]?
    var positives: [ShardFixture.Tile] = []
    var negatives: [ShardFixture.Tile] = []
    var k = 20
    /// West, south, east, north.
    var box: (Double, Double, Double, Double)?
    var acquired: (from: Date, to: Date)?
    var collections: [String]?
    var minValid, maxCloud, maxDistance: Double?
    var onePerPlace = false, excludeSelf = true, excludeScene = false, excludePlace = false
    var after: TileID?

    static func random(_ f: ShardFixture, _ random: inout SeededRandom) -> ShardQuestion {
        func maybe(_ one: Int, in many: Int) -> Bool { Int.random(in: 0..<many, using: &random) < one }
        var q = ShardQuestion()
        switch Int.random(in: 0..<4, using: &random) {
        case 0: q.embedding = StoreFixture.direction(Int.random(in: 0...100_000, using: &random), ShardFixture.dimension)
        case 1: q.positives = (0..<Int.random(in: 1...4, using: &random)).map { _ in f.tiles.randomElement(using: &random)! }
        default: q.like = f.tiles.randomElement(using: &random)
        }
        if maybe(1, in: 4) { q.negatives = (0..<Int.random(in: 1...3, using: &random)).map { _ in f.tiles.randomElement(using: &random)! } }
        q.k = maybe(1, in: 10) ? Int.random(in: 500...3000, using: &random) : Int.random(in: 1...40, using: &random)
        if maybe(1, in: 2) {
            let west = Double.random(in: -1...9, using: &random), south = Double.random(in: -1...9, using: &random), side = Double.random(in: 0.1...8, using: &random)
            q.box = (west, south, west + side, south + side)
        }
        if maybe(1, in: 4) {
            let from = Date(timeIntervalSince1970: 1_577_836_800 + Double(Int.random(in: 0...300, using: &random)) * 86_400)
            q.acquired = (from, from.addingTimeInterval(Double(Int.random(in: 10...300, using: &random)) * 86_400))
        }
        if maybe(1, in: 4) { q.collections = [["town"], ["coast", "field"], ["field", "town"], ["coast"]].randomElement(using: &random) }
        if maybe(1, in: 5) { q.minValid = Double(Int.random(in: 0...9, using: &random)) / 10 }
        if maybe(1, in: 8) { q.maxCloud = Double(Int.random(in: 1...10, using: &random)) / 10 }
        if maybe(1, in: 8) { q.maxDistance = Double.random(in: 0.5...1, using: &random) }
        q.onePerPlace = maybe(1, in: 3)
        q.excludeSelf = maybe(4, in: 5)
        q.excludeScene = maybe(1, in: 4)
        q.excludePlace = maybe(1, in: 4)
        return q
    }

    /// The arguments in SQL, by name.
    var sql: String {
        func list(_ tiles: [ShardFixture.Tile]) -> String { "ARRAY[" + tiles.map { "'\($0.id)'" }.joined(separator: ", ") + "]::uuid[]" }
        func time(_ date: Date) -> String { date.ISO8601Format() }
        return [
            like.map { "like_tile => '\($0.id)'" }, embedding.map { "embedding => '[" + $0.map { "\($0)" }.joined(separator: ",") + "]'" },
            positives.isEmpty ? nil : "positives => \(list(positives))", negatives.isEmpty ? nil : "negatives => \(list(negatives))", "k => \(k)",
            box.map { "within => tilescout.bbox(\($0.0), \($0.1), \($0.2), \($0.3))" }, acquired.map { "acquired => '[\(time($0.from)),\(time($0.to)))'" },
            collections.map { "collections => ARRAY['" + $0.joined(separator: "', '") + "']" }, minValid.map { "min_valid => \($0)" },
            maxCloud.map { "max_cloud => \($0)" }, maxDistance.map { "max_distance => \($0)" }, "one_per_place => \(onePerPlace)", "exclude_self => \(excludeSelf)",
            "exclude_scene => \(excludeScene)", "exclude_place => \(excludePlace)", after.map { "after => '\($0)'" },
        ].compactMap { $0 }.joined(separator: ", ")
    }

    private func halves(_ vector: [Float]) -> [Double] { vector.map { Double(Float16($0)) } }

    private func unit(_ vector: [Double]) -> [Double] {
        let norm = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return vector.map { $0 / norm }
    }

    private func mean(_ vectors: [[Double]]) -> [Double] {
        vectors.reduce([Double](repeating: 0, count: ShardFixture.dimension)) { zip($0, $1).map(+) }.map { $0 / Double(vectors.count) }
    }

    /// Everything compared, in the order that SQL promises: vectors as stored, in halves.
    func bruteForce(_ f: ShardFixture) -> [(tile: ShardFixture.Tile, distance: Double)] {
        let given = [like].compactMap { $0 } + positives
        var look = mean(Dictionary(given.map { ($0.id, unit(halves($0.embedding))) }, uniquingKeysWith: { first, _ in first }).values + (embedding.map { [unit(halves($0))] } ?? []))
        if !negatives.isEmpty {
            let disliked = mean(Array(Dictionary(negatives.map { ($0.id, unit(halves($0.embedding))) }, uniquingKeysWith: { first, _ in first }).values))
            look = zip(look, disliked).map { $0 - 0.5 * $1 }
        }
        look = unit(unit(look).map { Double(Float16($0)) })
        let left = excludeSelf ? Set((given + negatives).map(\.id)) : []
        let scenes = excludeScene ? Set(given.map(\.scene)) : []
        var ranked: [(tile: ShardFixture.Tile, distance: Double)] = []
        for tile in f.tiles where !left.contains(tile.id) && !scenes.contains(tile.scene) {
            let scene = f.scenes[tile.scene]
            if let box, tile.west > box.2 || tile.west + tile.side < box.0 || tile.south > box.3 || tile.south + tile.side < box.1 { continue }
            if let acquired { guard let at = scene.acquired, at >= acquired.from, at < acquired.to else { continue } }
            if let collections, !collections.contains(scene.collection) { continue }
            if let minValid, tile.valid < Float(minValid) { continue }
            if let maxCloud { guard let cloud = tile.cloud, cloud <= Float(maxCloud) else { continue } }
            if excludePlace, let like, tile.isSamePlace(as: like) { continue }
            let other = unit(halves(tile.embedding))
            ranked.append((tile, 1 - zip(look, other).reduce(0) { $0 + $1.0 * $1.1 }))
        }
        ranked.sort { ($0.distance, $0.tile.id) < ($1.distance, $1.tile.id) }
        if onePerPlace {
            var kept: [(tile: ShardFixture.Tile, distance: Double)] = []
            for one in ranked where !kept.contains(where: { $0.tile.isSamePlace(as: one.tile) }) { kept.append(one) }
            ranked = kept
        }
        if let maxDistance { ranked.removeAll { $0.distance > maxDistance } }
        return Array(ranked.prefix(k))
    }
}
