import Foundation
import TileGrid

/// Measures an encoder's rate in tiles per second, resizing included, on generated tiles.
public struct EncoderBenchmark: Sendable {
    public struct Measurement: Sendable {
        public let elementType: String
        public let threads: Int
        public let tileSize: Int
        public let tiles: Int
        /// Of the best round, and of each.
        public let tilesPerSecond: Double
        public let rounds: [Double]
    }

    public let tileSize: Int
    /// Tiles per call.
    public let tilesPerCall: Int
    public let rounds: Int
    public let secondsPerRound: Double

    public init(tileSize: Int = 256, tilesPerCall: Int = 64, rounds: Int = 5, secondsPerRound: Double = 1) {
        self.tileSize = tileSize
        self.tilesPerCall = tilesPerCall
        self.rounds = rounds
        self.secondsPerRound = secondsPerRound
    }

    /// - Throws: what `Encoder.embed` throws.
    public func run(_ encoder: Encoder) throws -> Measurement {
        let images = (0..<tilesPerCall).map { image(seed: UInt64($0)) }
        _ = try encoder.embed(images)
        let clock = ContinuousClock()
        var rates: [Double] = [], tiles = 0
        for _ in 0..<rounds {
            var done = 0
            let start = clock.now
            var elapsed = Duration.zero
            repeat {
                _ = try encoder.embed(images)
                done += images.count
                elapsed = clock.now - start
            } while elapsed < .seconds(secondsPerRound)
            rates.append(Double(done) / (elapsed / .seconds(1)))
            tiles += done
        }
        return Measurement(
            elementType: encoder.elementType.rawValue, threads: encoder.threads, tileSize: tileSize, tiles: tiles,
            tilesPerSecond: rates.max()!, rounds: rates)
    }

    /// Smooth noise: neither flat nor white, as imagery is.
    private func image(seed: UInt64) -> TileImage {
        var state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1
        var level = 128
        let pixels = (0..<tileSize * tileSize * 3).map { _ -> UInt8 in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            level = min(255, max(0, level + Int(state >> 60) - 7))
            return UInt8(level)
        }
        return TileImage(width: tileSize, height: tileSize, pixels: pixels)
    }
}
