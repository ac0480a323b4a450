import Foundation
import Testing

/// What `make_references.py` computed with rasterio, NumPy, pyproj and shapely.
struct References: Decodable, Sendable {
    struct Cut: Decodable, Sendable, CustomTestStringConvertible {
        struct Options: Decodable, Sendable {
            var tileSize, overlap: Int
            var edge, bands, stretch: String
            var cloud: String?
        }
        struct Tile: Decodable, Sendable {
            var x, y: Int
            var valid: Double
            var digest: String?
            var cloud: Double?
        }
        var scene: String
        var options: Options
        var tiles: [Tile]
        var testDescription: String { "\(scene) \(options)" }
    }

    struct Outline: Decodable, Sendable, CustomTestStringConvertible {
        var epsg, width, height: Int
        var geoTransform, centroid: [Double]
        var area, south, north, west, east: Double
        var testDescription: String { "EPSG:\(epsg) \(width)×\(height)" }
    }

    var cuts: [Cut]
    var outlines: [Outline]

    static let folder = Bundle.module.resourcePath! + "/Fixtures"
    static let all: References = {
        let data = FileManager.default.contents(atPath: folder + "/references.json")!
        return try! JSONDecoder().decode(References.self, from: data)
    }()
}
