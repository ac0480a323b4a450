import Foundation
import GDAL
import Testing
import TileGrid

@testable import Tiling

@Suite("Common grids")
struct CommonGridTests {
    static func tiles(_ path: String, _ options: TilingOptions) throws -> (SceneInfo, [CutTile]) {
        let cutter = try SceneCutter(path: path, options: options)
        let tiles = try cutter.layout.indices.compactMap { index -> CutTile? in
            guard case .tile(let tile) = try cutter.cut(index) else { return nil }
            return tile
        }
        return (cutter.info, tiles)
    }

    @Test(arguments: [TileGridKind.utm(resolution: nil), .webMercator(resolution: nil), .utm(resolution: 7)], [0, 16])
    func lineUpDatesOfOnePlace(_ grid: TileGridKind, _ overlap: Int) throws {
        let folder = try TemporaryFolder()
        let early = TestScene(width: 400, height: 300, geoTransform: [500_000, 10, 0, 5_100_000, 0, -10])
        let late = TestScene(width: 420, height: 310, geoTransform: [499_933, 10, 0, 5_100_041, 0, -10])
        try early.write(to: folder.file("early.tif"))
        try late.write(to: folder.file("late.tif"))
        let options = TilingOptions(tileSize: 64, overlap: overlap, grid: grid, minValid: 0.9)
        let (firstInfo, first) = try Self.tiles(folder.file("early.tif"), options)
        let (secondInfo, second) = try Self.tiles(folder.file("late.tif"), options)
        #expect(firstInfo.grid.crsCode == secondInfo.grid.crsCode)
        #expect(firstInfo.grid.geoTransform.pixelSize == secondInfo.grid.geoTransform.pixelSize)
        let places = Set(second.map { "\($0.geoTransform.c0.rounded()) \($0.geoTransform.c3.rounded())" })
        let shared = first.filter { places.contains("\($0.geoTransform.c0.rounded()) \($0.geoTransform.c3.rounded())") }
        #expect(shared.count >= 8 && shared.count >= first.count - 2)
        #expect(Set(first.map(\.id)).isDisjoint(with: second.map(\.id)))
    }

    @Test func ownUTMPixelsAreNotResampledAway() throws {
        let folder = try TemporaryFolder()
        // On the grid already: the warp moves nothing.
        let scene = TestScene(width: 256, height: 256, geoTransform: [499_200, 10, 0, 5_099_520, 0, -10])
        try scene.write(to: folder.file("a.tif"))
        let (info, warped) = try Self.tiles(folder.file("a.tif"), TilingOptions(tileSize: 64, grid: .utm(resolution: nil)))
        let (_, plain) = try Self.tiles(folder.file("a.tif"), TilingOptions(tileSize: 64))
        #expect(info.grid.canonicalText == "utm:EPSG:32633:10.0")
        #expect(warped.map(\.image) == plain.map(\.image))
    }

    /// Scenes that lie on the grid already: the warp moves nothing, and must judge each pixel as the scene's own grid does.
    enum Gaps: String, CaseIterable, Sendable { case noData, noDataBesideOthers, alphaAmongOthers, alphaLast }

    @Test(arguments: Gaps.allCases, [DataType.uint8, .int16, .float32])
    func validPixelsAreThoseOfTheSceneItself(_ gaps: Gaps, _ type: DataType) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.tif")
        let side = 192
        let hasAlpha = gaps == .alphaLast || gaps == .alphaAmongOthers
        let count = switch gaps { case .noData: 3; case .alphaLast: 4; case .noDataBesideOthers, .alphaAmongOthers: 5 }
        let writer = try RasterWriter(path: path, width: side, height: side, bands: count, dataType: type, options: ["PHOTOMETRIC=MINISBLACK"])
        try writer.setGeoTransform([499_200, 10, 0, 5_099_520, 0, -10])
        try writer.setSpatialReference(SpatialReference("EPSG:32633"))
        if hasAlpha { try writer.setColorInterpretation(.alpha, band: 4) }
        let whole = RasterRegion(x: 0, y: 0, width: side, height: side)
        for band in 1...count {
            if !hasAlpha, band <= 3 { try writer.setNoData(200, band: band) }
            // 200 in one band here, in two there, in all of them elsewhere; and nothing is missing in most places.
            let samples = (0..<side * side).map { index -> Double in
                let (x, y) = (index % side, index / side)
                if band == 4, hasAlpha { return x / 24 % 2 == 0 ? 0 : 255 }
                if band <= 3, y % 48 < 24, x / 24 % 4 >= band { return 200 }
                return Double(1 + (x * 3 + y * 5 + band * 40) % 190)
            }
            try writer.write(samples, region: whole, band: band)
        }
        try writer.close()
        let options = TilingOptions(tileSize: 64, bands: .indices([3, 1, 2]), minValid: 0)
        var warped = options
        warped.grid = .utm(resolution: nil)
        let plain = try Self.tiles(path, options).1, other = try Self.tiles(path, warped).1
        #expect(plain.count == 9 && other.map(\.validFraction) == plain.map(\.validFraction))
        #expect(other.map(\.image) == plain.map(\.image))
        #expect(plain.contains { $0.validFraction < 1 } && plain.allSatisfy { $0.validFraction > 0 })

        // A tile file keeps what is valid in it.
        let cutter = try SceneCutter(path: path, options: warped)
        let copy = try Self.tiles(cutter.writeTile(4, toDirectory: folder.path), TilingOptions(tileSize: 64, minValid: 0)).1
        #expect(copy.map(\.validFraction) == [other[4].validFraction])
    }

    @Test func overviewsAreNotRead() throws {
        let folder = try TemporaryFolder()
        func write(_ name: String, value: UInt8) throws {
            let writer = try RasterWriter(path: folder.file(name), width: 512, height: 512, bands: 1, dataType: .uint8)
            try writer.setGeoTransform([500_000, 10, 0, 5_100_000, 0, -10])
            try writer.setSpatialReference(SpatialReference("EPSG:32633"))
            try writer.write([UInt8](repeating: value, count: 512 * 512), region: RasterRegion(x: 0, y: 0, width: 512, height: 512), band: 1)
            try writer.close()
        }
        try write("a.tif", value: 100)
        try write("b.tif", value: 7)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["gdaladdo", "-q", "-ro", folder.file("b.tif"), "2", "4"]
        try process.run()
        process.waitUntilExit()
        try FileManager.default.moveItem(atPath: folder.file("b.tif.ovr"), toPath: folder.file("a.tif.ovr"))
        let (_, tiles) = try Self.tiles(folder.file("a.tif"), TilingOptions(tileSize: 32, grid: .utm(resolution: 40)))
        #expect(!tiles.isEmpty && tiles.allSatisfy { $0.image.pixels.allSatisfy { $0 == 100 } })
    }

    /// Across the antimeridian, on one side of it, at a pole, and round the world.
    @Test(arguments: [
        ("EPSG:32660", [680_000.0, 1000, 0, 5_000_000, 0, -1000], true), ("EPSG:32660", [300_000, 1000, 0, 5_000_000, 0, -1000], false),
        ("EPSG:3413", [-500_000, 25_000, 0, 500_000, 0, -25_000], false), ("EPSG:4326", [-180, 3, 0, 80, 0, -1.3], false),
    ])
    func sceneAtBothEndsOfWebMercatorIsNamed(_ crs: String, _ geoTransform: [Double], isSplit: Bool) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.tif")
        try TestScene(width: 120, height: 120, crs: crs, geoTransform: geoTransform).write(to: path)
        let outcome = Result { try Self.tiles(path, TilingOptions(tileSize: 64, grid: .webMercator(resolution: isSplit ? nil : 20_000), minValid: 0)).1 }
        guard isSplit else { return #expect(try !outcome.get().isEmpty) }
        let error = #expect(throws: TilingError.self) { try outcome.get() }
        #expect(error?.reason.contains("antimeridian") == true && error?.thing == path)
        #expect(try !Self.tiles(path, TilingOptions(tileSize: 64, grid: .utm(resolution: nil), minValid: 0)).1.isEmpty)
    }

    @Test func scenesByControlPointsAreWarped() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("gcps.tif")
        let writer = try RasterWriter(path: path, width: 200, height: 200, bands: 1, dataType: .uint8)
        try writer.setGroundControlPoints(
            [(0, 0, 15, 46), (200, 0, 15.02, 46), (0, 200, 15, 45.986), (200, 200, 15.02, 45.986)],
            reference: SpatialReference("EPSG:4326"))
        let region = RasterRegion(x: 0, y: 0, width: 200, height: 200)
        try writer.write([UInt8](repeating: 120, count: 40_000), region: region, band: 1)
        try writer.close()
        let (info, tiles) = try Self.tiles(path, TilingOptions(tileSize: 64))
        #expect(info.grid.crsCode == "EPSG:32633" && info.geoTransform == nil)
        #expect(tiles.count >= 4 && tiles.allSatisfy { $0.image.pixels.allSatisfy { $0 == 120 } })
        let bounds = info.footprint.bounds
        #expect(bounds.west > 14.98 && bounds.east < 15.04 && bounds.south > 45.97 && bounds.north < 46.02)
    }

    @Test func cloudClassesAreNotMixed() throws {
        let folder = try TemporaryFolder()
        let scene = TestScene(width: 300, height: 300, bands: 4)
        try scene.write(to: folder.file("a.tif"))
        var options = TilingOptions(tileSize: 64, grid: .webMercator(resolution: nil))
        options.cloud = CloudMask(band: 4, test: .classes(Array(0...255)))
        let (_, tiles) = try Self.tiles(folder.file("a.tif"), options)
        #expect(!tiles.isEmpty && tiles.allSatisfy { $0.cloudFraction == 1 })
    }
}
