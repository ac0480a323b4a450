import Crypto
import Foundation
import GDAL
import Testing
import TileGrid

@testable import Tiling

@Suite("Cutting, beside rasterio and NumPy")
struct SceneCutterReferenceTests {
    @Test(arguments: References.all.cuts)
    func givesTheSamePixels(_ reference: References.Cut) throws {
        let options = TilingOptions(
            tileSize: reference.options.tileSize, overlap: reference.options.overlap,
            edge: EdgePolicy(rawValue: reference.options.edge)!,
            bands: try BandSelection(parsing: reference.options.bands),
            stretch: try Stretch(parsing: reference.options.stretch), minValid: 0,
            cloud: try reference.options.cloud.map { try CloudMask(parsing: $0) })
        let cutter = try SceneCutter(path: References.folder + "/" + reference.scene, options: options)
        #expect(cutter.layout.count == reference.tiles.count)
        for (index, expected) in reference.tiles.enumerated() {
            #expect(cutter.layout[index].x == expected.x && cutter.layout[index].y == expected.y)
            switch try cutter.cut(index) {
            case .tile(let tile):
                #expect(abs(Double(tile.validFraction) - expected.valid) < 1e-6, "valid share of tile \(index)")
                let digest = SHA256.hash(data: tile.image.pixels).map { String(format: "%02x", $0) }.joined()
                #expect(digest == expected.digest, "picture of tile \(index)")
                #expect(tile.cloudFraction.map { abs(Double($0) - expected.cloud!) < 1e-6 } ?? (expected.cloud == nil))
            case .skipped:
                #expect(expected.valid == 0, "tile \(index) was skipped")
            }
        }
    }

    @Test(arguments: References.all.outlines)
    func placesOutlinesWhereTheDenseOneIs(_ reference: References.Outline) throws {
        let projector = try Projector(SpatialReference("EPSG:\(reference.epsg)"))
        let c = reference.geoTransform
        let footprint = try Footprint.densified(
            window: PixelWindow(x: 0, y: 0, width: reference.width, height: reference.height),
            geoTransform: GeoTransform(c[0], c[1], c[2], c[3], c[4], c[5]), using: projector.place)
        #expect(abs(footprint.planarArea - reference.area) < 2e-3 * reference.area)
        let size = reference.area.squareRoot()
        #expect(abs((footprint.centroid.x - reference.centroid[0]).remainder(dividingBy: 360)) < 2e-3 * size)
        #expect(abs(footprint.centroid.y - reference.centroid[1]) < 2e-3 * size)
        let bounds = footprint.bounds
        #expect(abs(bounds.south - reference.south) < 4e-3 * size && abs(bounds.north - reference.north) < 4e-3 * size)
        #expect(abs((bounds.west - reference.west).remainder(dividingBy: 360)) < 4e-3 * size)
        #expect(abs((bounds.east - reference.east).remainder(dividingBy: 360)) < 4e-3 * size)
        #expect(footprint.polygons.reduce(0) { $0 + $1.count } < 400)
    }
}
