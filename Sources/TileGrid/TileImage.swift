/// What the encoder takes: 8-bit RGB, interleaved, row by row from the top; shape height × width × 3.
public struct TileImage: Hashable, Sendable {
    public let width: Int
    public let height: Int
    public let pixels: [UInt8]

    /// - Parameter pixels: exactly `width × height × 3` values (a programmer error otherwise).
    public init(width: Int, height: Int, pixels: [UInt8]) {
        precondition(width > 0 && height > 0, "an image of \(width) × \(height) pixels")
        precondition(
            pixels.count == width * height * 3,
            "\(pixels.count) values for \(width) × \(height) RGB pixels")
        self.width = width
        self.height = height
        self.pixels = pixels
    }
}
