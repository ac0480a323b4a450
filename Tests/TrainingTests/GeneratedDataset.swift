import Foundation
import MetricLearning
import TileGrid
import Tiling

/// Folders of textures: a class is a direction and a spacing of stripes, an image a phase, two colours and noise.
struct GeneratedDataset {
    let folder: String

    init(classes: Int = 7, imagesPerClass: Int = 10, side: Int = 64) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("dataset-\(UUID().uuidString)").path
        for label in 0..<classes {
            let directory = "\(folder)/class\(label)"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            for number in 0..<imagesPerClass {
                try GeneratedDataset.texture(label, number, side).write(to: "\(directory)/image\(number).png")
            }
        }
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    private static func texture(_ label: Int, _ number: Int, _ side: Int) -> TileImage {
        var random = SplitMix64(seed: UInt64(label), stream: UInt64(number))
        func byte(_ range: Int) -> Double { Double(random.below(range)) }
        let frequency = 0.15 + 0.13 * Double(label), phase = byte(628) / 100
        let diagonal = label % 2 == 0 ? 0.0 : 0.6
        let dark = (0..<3).map { _ in 40 + byte(60) }, light = (0..<3).map { _ in 140 + byte(80) }
        var pixels: [UInt8] = []
        for y in 0..<side {
            for x in 0..<side {
                let wave = 0.5 + 0.5 * sin(frequency * (Double(x) + diagonal * Double(y)) + phase)
                for channel in 0..<3 {
                    pixels.append(UInt8(dark[channel] + (light[channel] - dark[channel]) * wave + byte(30)))
                }
            }
        }
        return TileImage(width: side, height: side, pixels: pixels)
    }
}
