import TileGrid

/// How scenes are cut; the same for all scenes of a run.
public struct TilingOptions: Hashable, Codable, Sendable {
    /// Side of a tile in pixels of the grid.
    public var tileSize: Int
    /// Pixels that neighbours share.
    public var overlap: Int
    /// Applies in the scene's own grid; a common grid has only whole tiles.
    public var edge: EdgePolicy
    public var grid: TileGridKind
    public var bands: BandSelection
    public var stretch: Stretch
    /// Tiles with a smaller share of valid pixels are skipped; so are those without any.
    public var minValid: Double
    /// nil: no cloud fractions.
    public var cloud: CloudMask?

    public init(
        tileSize: Int = 256, overlap: Int = 0, edge: EdgePolicy = .shift, grid: TileGridKind = .scene,
        bands: BandSelection = .automatic, stretch: Stretch = .automatic, minValid: Double = 0.5,
        cloud: CloudMask? = nil
    ) {
        self.tileSize = tileSize
        self.overlap = overlap
        self.edge = edge
        self.grid = grid
        self.bands = bands
        self.stretch = stretch
        self.minValid = minValid
        self.cloud = cloud
    }

    /// - Throws: `TilingError` for the first value outside its range.
    public func validate() throws {
        guard TileLayout.tileSizes.contains(tileSize) else {
            throw TilingError.option(
                "tile size", "\(tileSize)",
                "it must lie between \(TileLayout.tileSizes.lowerBound) and \(TileLayout.tileSizes.upperBound) pixels")
        }
        guard overlap >= 0, overlap < tileSize else {
            throw TilingError.option(
                "overlap", "\(overlap)", "it must be at least 0 and less than the tile size \(tileSize)")
        }
        guard (0...1).contains(minValid) else {
            throw TilingError.option("minimum valid share", "\(minValid)", "it must lie between 0 and 1")
        }
    }

    /// All of it on one line, in a fixed order: equal options give equal text.
    public var canonicalText: String {
        [
            "tile=\(tileSize)", "overlap=\(overlap)", "edge=\(edge.rawValue)", "grid=\(grid.canonicalText)",
            "bands=\(bands.canonicalText)", "stretch=\(stretch.canonicalText)", "minvalid=\(minValid)",
            "cloud=\(cloud?.canonicalText ?? "none")",
        ].joined(separator: " ")
    }
}
