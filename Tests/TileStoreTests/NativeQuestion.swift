import Foundation
import TestCluster

/// A random question that the extension answers, or leaves to SQL, about what NativeSearchTests keeps.
struct NativeQuestion {
    /// The arguments in SQL, by name.
    let sql: String
    /// What they ask of an answer's row, as `Recall.amiss` takes it.
    let passing: String

    static func random(dimension: Int, _ random: inout SeededRandom) -> NativeQuestion {
        func maybe(_ one: Int, in many: Int) -> Bool { Int.random(in: 0..<many, using: &random) < one }
        func tile(_ offset: Int) -> String { "(SELECT tile_id FROM tilescout.embedding_1 WHERE run_id < 4 ORDER BY tile_id OFFSET \(offset) LIMIT 1)" }
        let number = Int.random(in: 0..<9000, using: &random)
        var asked: [(argument: String, passing: String)] = []
        if maybe(1, in: 2) { asked.append(("embedding => \(StoreFixture.literal(StoreFixture.direction(number, dimension)))", "true")) } else {
            let like = tile(number / 3), isLeftOut = maybe(1, in: 2)
            asked.append(("like_tile => \(like), exclude_self => \(isLeftOut)", isLeftOut ? "e.tile_id <> \(like)" : "true"))
        }
        let area = area(&random), dates = StoreFixture.dates(&random)
        asked.append(("within => \(area), acquired => \(dates)", Recall.passing(area: area, dates: dates)))
        // Of six questions one for hundreds of rows.
        asked.append(("k => \(maybe(1, in: 6) ? Int(pow(10, Double.random(in: 2...3.3, using: &random))) : Int.random(in: 1...60, using: &random))", "true"))
        let valid = Double.random(in: 0...0.9, using: &random), cloud = Double.random(in: 0.1...1, using: &random), distance = Double.random(in: 0...1, using: &random)
        let collections = ["c", "d", "c,d", "d,d,c"].randomElement(using: &random)!, after = tile(Int.random(in: 0..<3000, using: &random))
        for more in [
            ("resolution => '[5,15)'", "true"), ("min_valid => \(valid)", "e.valid_fraction >= \(valid)::real"), ("max_cloud => \(cloud)", "e.cloud_fraction <= \(cloud)::real"),
            ("collections => '{\(collections)}'", "c.name = ANY ('{\(collections)}')"), ("after => \(after)", "e.tile_id <> \(after)"),
        ] where maybe(1, in: 8) { asked.append(more) }
        if maybe(1, in: 4) { asked.append(("max_distance => \(distance)", "n.distance <= \(distance)")) }
        return NativeQuestion(sql: asked.map(\.argument).joined(separator: ", "), passing: asked.map { "(\($0.passing))" }.joined(separator: " AND "))
    }

    /// Of three to a thousand corners; now and then of several parts, with a hole, in other coordinates, or none.
    static func area(_ random: inout SeededRandom) -> String {
        let west = Double.random(in: -1...9, using: &random), south = Double.random(in: -1...9, using: &random), size = Double.random(in: 0.05...9, using: &random)
        let corners = (0..<Int(exp(Double.random(in: log(3)...log(1000), using: &random)))).map { _ in Double.random(in: 0.2...1, using: &random) }
        let ring = corners.enumerated().map { index, reach in
            let angle = Double(index) / Double(corners.count) * 2 * .pi
            return "\(west + size * (1 + reach * cos(angle)) / 2) \(south + size * (1 + reach * sin(angle)) / 2)"
        }
        let polygon = "ST_GeomFromText('POLYGON((\(ring.joined(separator: ", ")), \(ring[0])))', 4326)"
        return switch Int.random(in: 0..<11, using: &random) {
        case 0: "ST_Multi(\(polygon))"
        case 1: "ST_Transform(\(polygon), 3857)"
        case 2: "NULL"
        case 3: "ST_Difference(\(polygon), ST_Buffer(ST_PointOnSurface(\(polygon)), \(size / 8), 3))"
        case 4, 5: atTheAntimeridian(south: south, size: size, &random)
        // Nothing lies there, in the box of what lies on both sides of the antimeridian; nor here.
        case 6: "ST_Translate(\(polygon), \([-100, 40].randomElement(using: &random)!), \([0, 0, 60].randomElement(using: &random)!))"
        default: polygon
        }
    }

    /// On one side, on the other, or on both.
    private static func atTheAntimeridian(south: Double, size: Double, _ random: inout SeededRandom) -> String {
        let reach = Double.random(in: 0.01...0.7, using: &random), north = south + size
        return [
            "tilescout.bbox(\(180 - reach), \(south), 180, \(north))", "tilescout.bbox(-180, \(south), \(-180 + reach), \(north))",
            "ST_GeomFromText('POLYGON((\(180 - reach) \(south), 180 \(south + size / 3), \(180 - reach / 2) \(north), \(180 - reach) \(south)))', 4326)",
            "ST_GeomFromText('POLYGON((\(-180 + reach) \(south), -179.99 \(south + size / 3), \(-180 + reach / 2) \(north), \(-180 + reach) \(south)))', 4326)",
            "tilescout.bbox(\(180 - reach), \(south), \(-180 + 0.7 * reach), \(north))",
        ].randomElement(using: &random)!
    }
}
