import Foundation
import GDAL
import Testing
import TileGrid

@testable import Tiling

@Suite("Bad scenes")
struct BadSceneTests {
    static func error(_ path: String, _ options: TilingOptions = TilingOptions()) -> TilingError? {
        #expect(throws: TilingError.self) { try SceneCutter(path: path, options: options) }
    }

    @Test func areNamedForWhatIsWrong() throws {
        let folder = try TemporaryFolder()
        #expect(Self.error("/no/such/file.tif")?.description == "cannot read /no/such/file.tif: no such file")
        #expect(Self.error(folder.path)?.reason == "it is a directory")
        try folder.write("empty.tif", "")
        #expect(Self.error(folder.file("empty.tif"))?.code == .notARaster)
        try folder.write("text.tif", "hello")
        #expect(Self.error(folder.file("text.tif"))?.code == .notARaster)
    }

    @Test func withoutAPlaceAreRefused() throws {
        let folder = try TemporaryFolder()
        try TestScene(crs: nil, geoTransform: nil).write(to: folder.file("nothing.tif"))
        #expect(Self.error(folder.file("nothing.tif"))?.reason.contains("no coordinate system") == true)
        try TestScene(crs: "EPSG:4326", geoTransform: nil).write(to: folder.file("crs.tif"))
        #expect(Self.error(folder.file("crs.tif"))?.reason.contains("no geotransform") == true)
        try TestScene(crs: "EPSG:4326", geoTransform: [500_000, 10, 0, 5_000_000, 0, -10]).write(to: folder.file("metres.tif"))
        #expect(Self.error(folder.file("metres.tif"))?.code == .notGeoreferenced)
        try TestScene(geoTransform: [500_000, 10, 10, 5_000_000, 10, 10]).write(to: folder.file("flat.tif"))
        #expect(Self.error(folder.file("flat.tif"))?.reason.contains("no area") == true)
    }

    @Test func claimingTooMuchAreRefusedAtOnce() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("huge.tif")
        let writer = try RasterWriter(
            path: path, width: 1_000_000, height: 1_000_000, bands: 1, dataType: .uint8,
            options: ["SPARSE_OK=TRUE", "TILED=YES", "BLOCKXSIZE=4096", "BLOCKYSIZE=4096", "BIGTIFF=YES"])
        try writer.setGeoTransform([0, 1e-6, 0, 1, 0, -1e-6])
        try writer.setSpatialReference(SpatialReference("EPSG:4326"))
        try writer.close()
        let error = Self.error(path)
        #expect(error?.code == .tooLarge)
        #expect(error?.reason == "it claims 1000000 × 1000000 pixels, more than the limit of 100000000000")
    }

    /// One of 600 × 400 pixels: as it is, in a virtual raster, and in one of those.
    @Test func ofBlocksTooLargeAreRefusedWhateverRefersToThem() throws {
        let folder = try TemporaryFolder()
        let strip = folder.file("strip.tif")
        try TestScene(width: 600, height: 400, layout: .striped, options: ["COMPRESS=DEFLATE", "BLOCKYSIZE=400"]).write(to: strip)
        try folder.write("stack.vrt", Dataset.stackXML(of: [strip]))
        try folder.write("nested.vrt", Dataset.stackXML(of: [folder.file("stack.vrt")]))
        for name in ["strip.tif", "stack.vrt", "nested.vrt"] {
            let (path, block) = (folder.file(name), 600 * 400 * 3)
            let error = #expect(throws: TilingError.self) {
                try SceneCutter(path: path, options: TilingOptions(), limits: TilingLimits(maximumBlockBytes: block - 1))
            }
            #expect(error?.code == .tooLarge && error?.thing == path && error?.reason.contains("one block has 600 × 400 pixels") == true)
            #expect(name == "strip.tif" || error?.reason.contains("it refers to \(strip)") == true, "\(String(describing: error))")
            _ = try SceneCutter(path: path, options: TilingOptions(), limits: TilingLimits(maximumBlockBytes: block))
        }
    }

    @Test func askingForBandsThatAreNotThereAreRefused() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.tif")
        try TestScene(bands: 2).write(to: path)
        #expect(Self.error(path, TilingOptions(bands: .indices([3])))?.code == .invalidOption)
        #expect(Self.error(path, TilingOptions(bands: .rgb))?.code == .invalidOption)
        #expect(Self.error(path, TilingOptions(cloud: CloudMask(band: 3, test: .bits([0]))))?.code == .invalidOption)
        #expect(Self.error(path, TilingOptions(tileSize: 3))?.code == .invalidOption)
    }

    @Test func withComplexSamplesAreRefused() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("sar.tif")
        let writer = try RasterWriter(path: path, width: 20, height: 20, bands: 1, dataType: .complexFloat32)
        try writer.setGeoTransform([0, 1, 0, 1, 0, -1])
        try writer.setSpatialReference(SpatialReference("EPSG:4326"))
        try writer.close()
        #expect(Self.error(path)?.reason == "band 1 has complex samples (CFloat32)")
    }

    /// A block cut short fails the tiles over it, and no others.
    @Test func damagedInOnePlaceStillGiveTheOtherTiles() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("cut.tif")
        try TestScene(width: 256, height: 256, layout: .deflate).write(to: path)
        var bytes = try #require(FileManager.default.contents(atPath: path))
        for index in bytes.count * 3 / 5..<bytes.count * 3 / 5 + 200 { bytes[index] = 0xa5 }
        try bytes.write(to: URL(fileURLWithPath: path))
        let cutter = try SceneCutter(path: path, options: TilingOptions(tileSize: 32))
        let totals = cutter.cutAll()
        #expect(totals.failed > 0 && totals.failed < 16)
        #expect(totals.tiles == cutter.layout.count - totals.failed)
        let failures = cutter.layout.indices.compactMap { index -> TilingError? in
            do { _ = try cutter.cut(index); return nil } catch { return error as? TilingError }
        }
        #expect(failures.count == totals.failed && failures.allSatisfy { $0.code == .damaged })
    }

    @Test func sparseScenesOfAnySizeCostNothing() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("sparse.tif")
        let writer = try RasterWriter(
            path: path, width: 60_000, height: 60_000, bands: 3, dataType: .uint8,
            options: ["SPARSE_OK=TRUE", "TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512"])
        try writer.setGeoTransform([300_000, 0.3, 0, 5_100_000, 0, -0.3])
        try writer.setSpatialReference(SpatialReference("EPSG:32633"))
        let block = RasterRegion(x: 30_208, y: 30_208, width: 512, height: 512)
        for band in 1...3 {
            try writer.write([UInt8](repeating: 90, count: block.pixelCount), region: block, band: band)
        }
        try writer.close()
        let totals = try SceneCutter(path: path, options: TilingOptions()).cutAll()
        #expect(totals.tiles == 4 && totals.failed == 0 && totals.skipped == 235 * 235 - 4)
    }

    @Test func anOpenedFileThatVanishesEndsInAnError() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("gone.tif")
        try TestScene(width: 300, height: 300, layout: .deflate).write(to: path)
        let cutter = try SceneCutter(path: path, options: TilingOptions(tileSize: 64))
        try Data().write(to: URL(fileURLWithPath: path), options: [])
        let totals = cutter.cutAll()
        #expect(totals.tiles + totals.failed == cutter.layout.count)
    }
}
