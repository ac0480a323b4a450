import Foundation
import GDAL
import Testing

/// Scenes whose blocks are larger than what GDAL keeps of them: how often they are decoded, as OpenJPEG tells it.
@Suite("Large blocks") struct LargeBlockTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("large-blocks-\(UUID().uuidString)")

    /// A JPEG 2000 of two blocks, 3072 × 3072 RGB: 27 MiB each, more than half of what all scenes share.
    private func scene() throws -> String {
        let scenes = folder.appendingPathComponent("scenes")
        try FileManager.default.createDirectory(at: scenes, withIntermediateDirectories: true)
        let portable = folder.appendingPathComponent("scene.tif").path, path = scenes.appendingPathComponent("scene.jp2").path
        try GeneratedScene.write(to: portable, width: 384, height: 768, seed: 1)
        try GeneratedScene.run("gdal_translate", [
            "-q", "-of", "JP2OpenJPEG", "-outsize", "3072", "6144", "-r", "bilinear", "-co", "BLOCKXSIZE=3072", "-co", "BLOCKYSIZE=3072", portable, path,
        ])
        return path
    }

    @Test("Cutting and writing all tiles decodes each block once, and the first once more for what all files have in common", arguments: [["--tile-size", "512"], ["--tile-size", "500", "--overlap", "20"]])
    func decodedOnce(tiling: [String]) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = try scene(), tiles = folder.appendingPathComponent("tiles").path
        let outcome = try CommandLineProgram(environment: ["CPL_DEBUG": "OPENJPEG"]).run(
            ["tile", (path as NSString).deletingLastPathComponent, "--out", tiles, "--quiet"] + tiling)
        #expect(outcome.status == 0, "\(outcome.error.suffix(500))")
        #expect(outcome.error.components(separatedBy: "has been decoded").count - 1 == 3)

        let whole = try Dataset(path: path)
        let names = try FileManager.default.contentsOfDirectory(atPath: tiles)
        #expect(names.count >= 72)
        for name in names.sorted().prefix(12) {
            let tile = try Dataset(path: tiles + "/" + name)
            let numbers = name.split(separator: "_").dropFirst().prefix(2).compactMap { Int($0.dropFirst()) }
            func pixels(_ dataset: Dataset, x: Int, y: Int) throws -> [UInt8] {
                var samples = [UInt8](repeating: 0, count: tile.width * tile.height * 3)
                try dataset.read(
                    RasterRegion(x: x, y: y, width: tile.width, height: tile.height), bands: [1, 2, 3], into: &samples,
                    layout: .bandSequential(width: tile.width, height: tile.height))
                return samples
            }
            #expect(try pixels(tile, x: 0, y: 0) == pixels(whole, x: numbers[0], y: numbers[1]), "\(name)")
        }
    }
}
