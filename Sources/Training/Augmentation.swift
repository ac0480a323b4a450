import Foundation
import MetricLearning
import TileGrid

/// Changes that leave a place the same place, seen from above: there is no up, the sun and the sensor differ, and a window is a
/// matter of chance.
public struct Augmentation: Hashable, Sendable, Codable {
    /// Flips and quarter turns, each of the eight equally likely.
    public var turns = true
    /// The least share of the area that a random crop keeps; 1 for none.
    public var leastArea = 0.5
    /// The widest ratio of a crop's sides.
    public var aspect = 1.25
    /// Gains vary by up to this share, those of the channels beside each other by half of it. Gains alone: light is multiplied,
    /// and where brightness is added or contrast varies, dark forest and deep water become one.
    public var colour = 0.15

    public init() {}

    public static let none: Augmentation = {
        var none = Augmentation()
        none.turns = false
        none.leastArea = 1
        none.colour = 0
        return none
    }()

    /// A changed copy.
    public func apply(to image: TileImage, using random: inout SplitMix64) -> TileImage {
        let window = crop(image, &random)
        let turn = turns ? random.below(8) : 0
        let tables = colourTables(&random)
        let swaps = turn & 4 != 0
        let width = swaps ? window.height : window.width, height = swaps ? window.width : window.height
        let pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { out, count in
            image.pixels.withUnsafeBufferPointer { source in
                for y in 0..<height {
                    for x in 0..<width {
                        var column = swaps ? y : x, row = swaps ? x : y
                        if turn & 1 != 0 { column = window.width - 1 - column }
                        if turn & 2 != 0 { row = window.height - 1 - row }
                        let from = ((window.y + row) * image.width + window.x + column) * 3, to = (y * width + x) * 3
                        for channel in 0..<3 { out[to + channel] = tables[channel << 8 | Int(source[from + channel])] }
                    }
                }
            }
            count = width * height * 3
        }
        return TileImage(width: width, height: height, pixels: pixels)
    }

    private func crop(_ image: TileImage, _ random: inout SplitMix64) -> PixelWindow {
        guard leastArea < 1 else { return PixelWindow(x: 0, y: 0, width: image.width, height: image.height) }
        let area = uniform(leastArea, 1, &random)
        let ratio = exp(uniform(-log(aspect), log(aspect), &random)).squareRoot()
        let side = area.squareRoot()
        let width = min(image.width, max(1, Int((Double(image.width) * side * ratio).rounded())))
        let height = min(image.height, max(1, Int((Double(image.height) * side / ratio).rounded())))
        return PixelWindow(
            x: random.below(image.width - width + 1), y: random.below(image.height - height + 1), width: width, height: height)
    }

    /// Three tables of 256 bytes, one after the other.
    private func colourTables(_ random: inout SplitMix64) -> [UInt8] {
        guard colour > 0 else { return (0..<768).map { UInt8($0 & 255) } }
        let light = 1 + uniform(-colour, colour, &random)
        return (0..<3).flatMap { _ in
            let gain = light * (1 + uniform(-colour, colour, &random) / 2)
            return (0..<256).map { UInt8(min(255, (Double($0) * gain).rounded())) }
        }
    }

    private func uniform(_ low: Double, _ high: Double, _ random: inout SplitMix64) -> Double {
        low + (high - low) * Double(random.next() >> 11) * 0x1p-53
    }
}
