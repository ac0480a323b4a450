import Foundation
import GDAL
import Testing
import TileGrid

@testable import Tiling

@Suite("Tile files and pictures")
struct TileFileTests {
    @Test(arguments: TestScene.Mask.allCases, [DataType.uint8, .uint16, .float32])
    func keepWhatTheSceneSays(_ mask: TestScene.Mask, _ type: DataType) throws {
        guard mask != .nan || type == .float32 else { return }
        let folder = try TemporaryFolder()
        let path = folder.file("scene_20200105.tif")
        try TestScene(dataType: type, mask: mask).write(to: path)
        let options = TilingOptions(tileSize: 64, stretch: .none, minValid: 0)
        let cutter = try SceneCutter(path: path, options: options)
        let index = 4
        let file = try cutter.writeTile(index, toDirectory: folder.file("tiles"))
        #expect(file == folder.file("tiles/" + cutter.fileName(ofTile: index)))
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("tiles"))
        #expect(names == [cutter.fileName(ofTile: index)])
        guard case .tile(let tile) = try cutter.cut(index) else { return #expect(Bool(false)) }

        let copy = try SceneCutter(path: file, options: options)
        #expect(copy.info.dataType == type.rawValue)
        #expect(copy.info.grid.geoTransform == tile.geoTransform)
        #expect(copy.info.bandDescriptions.prefix(3) == ["band 1", "band 2", "band 3"])
        #expect(copy.info.acquired?.instant == cutter.info.acquired?.instant)
        #expect(copy.info.acquired?.source == .tiffTag)
        #expect(mask != .noData || copy.info.noData == cutter.info.noData)
        guard case .tile(let again) = try copy.cut(0) else { return #expect(Bool(false)) }
        #expect(again.image == tile.image)
        #expect(again.validFraction == tile.validFraction)
        #expect(try Dataset(path: file).metadata()["TILESCOUT_TILE"] == tile.id.description)
    }

    /// Packed bits, which no predictor is made for; a part of the scene and the whole of it are copied in different ways.
    @Test(arguments: [(DataType.uint8, 1), (.uint8, 7), (.uint16, 12), (.uint16, 15), (.uint32, 20), (.float32, 16)], [64, 128])
    func keepOddBitDepths(_ depth: (type: DataType, bits: Int), side: Int) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("scene.tif")
        try TestScene(width: side, height: side, dataType: depth.type, options: ["NBITS=\(depth.bits)"]).write(to: path)
        let options = TilingOptions(tileSize: 64, stretch: .none)
        let cutter = try SceneCutter(path: path, options: options)
        let last = cutter.layout.count - 1
        let copy = try Dataset(path: cutter.writeTile(last, toDirectory: folder.path))
        #expect(try copy.band(1).bitDepth == depth.bits && copy.band(1).dataType == depth.type)
        guard case .tile(let tile) = try cutter.cut(last), case .tile(let again) = try SceneCutter(path: copy.name, options: options).cut(0)
        else { return #expect(Bool(false)) }
        #expect(again.image == tile.image)
    }

    @Test func thatCannotBeWrittenLeaveNothing() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.tif")
        try TestScene().write(to: path)
        let cutter = try SceneCutter(path: path, options: TilingOptions(tileSize: 64))
        let error = #expect(throws: TilingError.self) { try cutter.writeTile(0, toDirectory: path + "/inside") }
        #expect(error?.code == .notWritten)
        let full = #expect(throws: TilingError.self) { try cutter.writeTile(0, toDirectory: "/proc/tilescout") }
        #expect(full?.code == .notWritten)
    }

    @Test(arguments: [DataType.uint8, .int16])
    func tilesReadAgainAreTheTilesThatWereCut(_ type: DataType) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.tif")
        try TestScene(dataType: type, mask: .noData).write(to: path)
        for grid in [TileGridKind.scene, .utm(resolution: nil)] {
            let options = TilingOptions(tileSize: 48, overlap: 5, edge: .pad, grid: grid, minValid: 0.1)
            let cutter = try SceneCutter(path: path, options: options)
            for index in cutter.layout.indices {
                guard case .tile(let tile) = try cutter.cut(index) else { continue }
                #expect(try readTileImage(path: path, window: tile.window, options: options) == tile.image)
                let known = try readTileImage(
                    path: path, window: tile.window, options: options, stretch: cutter.info.stretch)
                #expect(known == tile.image)
            }
            #expect(throws: TilingError.self) {
                try readTileImage(path: path, window: PixelWindow(x: 9000, y: 0, width: 48, height: 48), options: options)
            }
        }
    }

    @Test func picturesGoThroughFiles() throws {
        let folder = try TemporaryFolder()
        let pixels = (0..<40 * 30 * 3).map { UInt8(truncatingIfNeeded: $0 / 15) }
        let image = TileImage(width: 40, height: 30, pixels: pixels)
        try image.write(to: folder.file("a.png"))
        #expect(try TileImage(contentsOf: folder.file("a.png")) == image)
        try image.write(to: folder.file("a.jpg"))
        let jpeg = try TileImage(contentsOf: folder.file("a.jpg"))
        let difference = zip(jpeg.pixels, pixels).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
        #expect(Double(difference) / Double(pixels.count) < 6)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["a.jpg", "a.png"])
        #expect(throws: TilingError.self) { try TileImage(contentsOf: folder.file("none.png")) }
        #expect(throws: TilingError.self) { try image.write(to: "/proc/none.png") }
    }

    @Test func yardsticksReadTheWholeScene() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.tif")
        try TestScene(width: 128, height: 128, layout: .tiled).write(to: path)
        let bytes = try bareDecode(path: path)
        #expect(bytes == 128 * 128 * 3)
        let totals = try SceneCutter(path: path, options: TilingOptions(tileSize: 64)).cutAll()
        #expect(totals.tiles == 4 && totals.imageBytes == bytes)
    }
}
