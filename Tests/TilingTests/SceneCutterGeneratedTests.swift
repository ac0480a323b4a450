import Foundation
import GDAL
import Testing
import TileGrid

@testable import Tiling

struct GeneratedCase: Sendable, CustomTestStringConvertible {
    var dataType: DataType
    var bands: Int
    var mask: TestScene.Mask
    var layout: TestScene.Layout
    var testDescription: String { "\(dataType.rawValue) × \(bands), mask \(mask), \(layout)" }

    static let all: [GeneratedCase] = {
        let types: [DataType] = [.uint8, .uint16, .int16, .uint32, .int32, .float32, .float64]
        return types.flatMap { type in
            [1, 2, 3, 5, 20].flatMap { bands in
                TestScene.Mask.allCases.flatMap { mask -> [GeneratedCase] in
                    if mask == .nan && !type.isFloatingPoint { return [] }
                    // Every layout meets every type, mask and band count, without all products.
                    let turn = types.firstIndex(of: type)! + bands + TestScene.Mask.allCases.firstIndex(of: mask)!
                    return [0, 3].map { shift in
                        let layouts = TestScene.Layout.allCases
                        return GeneratedCase(
                            dataType: type, bands: bands, mask: mask, layout: layouts[(turn + shift) % layouts.count])
                    }
                }
            }
        }
    }()

    var scene: TestScene { TestScene(bands: bands, dataType: dataType, mask: mask, layout: layout) }
}

@Suite("Cutting scenes of every kind")
struct SceneCutterGeneratedTests {
    /// The picture that the scene's definition asks for, with a plain loop.
    static func expected(_ scene: TestScene, _ window: PixelWindow, bands: [Int]) -> (pixels: [UInt8], valid: Int) {
        var pixels = [UInt8](repeating: 0, count: window.pixelCount * 3)
        var invalid: [Int] = []
        var sums = [0, 0, 0]
        for row in 0..<window.height {
            for column in 0..<window.width {
                let (x, y, index) = (window.x + column, window.y + row, row * window.width + column)
                guard x < scene.width, y < scene.height, !scene.hasGap(x, y) else {
                    invalid.append(index)
                    continue
                }
                for channel in 0..<3 {
                    let value = TestScene.value(x, y, band: bands[bands.count == 1 ? 0 : channel])
                    pixels[3 * index + channel] = UInt8(value)
                    sums[channel] += value
                }
            }
        }
        let valid = window.pixelCount - invalid.count
        for index in invalid where valid > 0 {
            for channel in 0..<3 { pixels[3 * index + channel] = UInt8((sums[channel] + valid / 2) / valid) }
        }
        return (pixels, valid)
    }

    @Test(arguments: GeneratedCase.all)
    func givesWhatTheDefinitionAsksFor(_ one: GeneratedCase) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("scene.tif")
        try one.scene.write(to: path)
        let options = TilingOptions(tileSize: 64, edge: .pad, stretch: .none, minValid: 0)
        let cutter = try SceneCutter(path: path, options: options)
        #expect(cutter.info.imageBands == (one.bands >= 3 ? [1, 2, 3] : [1]))
        #expect(cutter.info.dataType == one.dataType.rawValue)
        #expect(cutter.info.bandDescriptions.first == "band 1")
        for index in cutter.layout.indices {
            let window = cutter.layout[index]
            let (pixels, valid) = Self.expected(one.scene, window, bands: cutter.info.imageBands)
            guard case .tile(let tile) = try cutter.cut(index) else {
                #expect(valid == 0, "tile \(index) was skipped")
                continue
            }
            #expect(tile.validFraction == Float(Double(valid) / Double(window.pixelCount)))
            #expect(tile.image.pixels == pixels, "tile \(index)")
        }
    }

    @Test(arguments: TestScene.Layout.allCases)
    func givesTheSameInAnyOrder(_ layout: TestScene.Layout) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("scene.tif")
        try TestScene(width: 300, height: 200, mask: .noData, layout: layout).write(to: path)
        let options = TilingOptions(tileSize: 48, overlap: 16, stretch: .percentile(low: 2, high: 98), minValid: 0)
        func pictures(_ order: some Sequence<Int>, _ limits: TilingLimits) throws -> [Int: [UInt8]] {
            let cutter = try SceneCutter(path: path, options: options, limits: limits)
            var result: [Int: [UInt8]] = [:]
            for index in order {
                if case .tile(let tile) = try cutter.cut(index) { result[index] = tile.image.pixels }
            }
            return result
        }
        let count = try SceneCutter(path: path, options: options).layout.count
        let inOrder = try pictures(0..<count, .standard)
        // A buffer of a few rows of pixels forces parts of rows; a shuffled order forces single tiles.
        for bytes in [1, 20_000, 60_000, 200_000] {
            #expect(try pictures(0..<count, TilingLimits(bufferBytes: bytes)) == inOrder)
        }
        #expect(try pictures((0..<count).shuffled(), .standard) == inOrder)
    }

    @Test func skipsTilesBelowTheValidShare() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("scene.tif")
        try TestScene(width: 64, height: 64, mask: .inner).write(to: path)
        func outcome(_ minValid: Double) throws -> CutResult {
            try SceneCutter(path: path, options: TilingOptions(tileSize: 64, minValid: minValid)).cut(0)
        }
        let valid = (0..<64).reduce(0) { sum, y in sum + (0..<64).count { TestScene.isValid($0, y) } }
        let share = Double(valid) / 4096
        guard case .tile = try outcome(share) else { return #expect(Bool(false), "a tile at the limit is kept") }
        guard case .skipped(.belowMinValid(let found)) = try outcome(share + 1e-6) else {
            return #expect(Bool(false), "a tile below the limit is skipped")
        }
        #expect(abs(Double(found) - share) < 1e-6)
    }
}
