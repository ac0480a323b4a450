import GDAL
import TileGrid

/// Reads single tiles of a scene again, as pictures: for contact sheets and for looking at one tile.
public final class TileImageReader {
    private let scene: OpenScene
    private let assembler: any TileAssembling

    /// - Parameters:
    ///   - options: those that the tiles were cut with; their tile size and overlap place a common grid.
    ///   - stretch: what the scene's stretch came to then; nil computes it again.
    /// - Throws: `TilingError`.
    public init(
        path: String, options: TilingOptions, stretch: ResolvedStretch? = nil, limits: TilingLimits = .standard
    ) throws {
        scene = try OpenScene(path: path, options: options, limits: limits)
        assembler = SceneCutter.assembler(
            scene, try stretch ?? SceneInfo.stretch(scene, options), options)
    }

    /// The picture of a window, as the encoder saw it; grey where nothing is valid.
    /// - Throws: `TilingError` for a window outside the scene, or a block that cannot be decoded.
    public func image(of window: PixelWindow) throws -> TileImage {
        let inside = window.clipped(toWidth: scene.grid.width, height: scene.grid.height)
        guard !inside.isEmpty, TileLayout.tileSizes.contains(window.width), TileLayout.tileSizes.contains(window.height)
        else {
            throw TilingError(
                operation: "read window \(window) of", thing: scene.dataset.name,
                reason: "it is no tile of a grid of \(scene.grid.width) × \(scene.grid.height) pixels",
                code: .invalidOption)
        }
        let region = RasterRegion(x: inside.x, y: inside.y, width: inside.width, height: inside.height)
        if try assembler.load(region), let tile = assembler.assemble(window, inside: inside, minValid: 0).tile {
            return tile.image
        }
        return TileImage(
            width: window.width, height: window.height,
            pixels: [UInt8](repeating: 128, count: window.pixelCount * 3))
    }
}

/// One tile's picture; `TileImageReader` spares opening the scene for each of several.
public func readTileImage(
    path: String, window: PixelWindow, options: TilingOptions, stretch: ResolvedStretch? = nil,
    limits: TilingLimits = .standard
) throws -> TileImage {
    try TileImageReader(path: path, options: options, stretch: stretch, limits: limits).image(of: window)
}
