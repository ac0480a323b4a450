/// Bounds that keep one scene from taking the machine.
public struct TilingLimits: Hashable, Sendable {
    /// Scenes that claim more pixels are refused. 10¹¹ is the whole Earth at 70 m; a file of 300 bytes can claim 10¹⁸.
    public var maximumPixels: Int
    /// Scenes whose blocks decode to more bytes are refused: a block is decoded as one.
    public var maximumBlockBytes: Int
    /// Decoded samples that one cutter keeps of a scene: enough for a row of 512-pixel blocks, 60,000 pixels wide, in
    /// 8-bit RGB.
    public var bufferBytes: Int
    /// Decoded blocks that GDAL keeps for one scene whose blocks span several rows of tiles. Where a row of them is larger,
    /// they are decoded once for every few rows of tiles.
    public var blockRowBytes: Int
    /// Whether a path may lead over the network (`/vsicurl/`, `/vsis3/` …).
    public var allowsNetwork: Bool
    /// Where a scene, and every file it refers to, must lie; nil: anywhere.
    public var confinement: Confinement?

    public init(
        maximumPixels: Int = 100_000_000_000, maximumBlockBytes: Int = 256 << 20, bufferBytes: Int = 96 << 20,
        blockRowBytes: Int = 512 << 20, allowsNetwork: Bool = false, confinement: Confinement? = nil
    ) {
        self.maximumPixels = maximumPixels
        self.maximumBlockBytes = maximumBlockBytes
        self.bufferBytes = bufferBytes
        self.blockRowBytes = blockRowBytes
        self.allowsNetwork = allowsNetwork
        self.confinement = confinement
    }

    public static let standard = TilingLimits()
}
