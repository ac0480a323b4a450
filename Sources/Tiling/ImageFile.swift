import Foundation
import GDAL
import TileGrid

extension TileImage {
    /// Pictures to search with are held in memory whole.
    private static let mostPixels = 40_000_000

    /// Reads a picture (PNG, JPEG, TIFF, anything that GDAL knows) whole, georeferenced or not: 8 bits as they are,
    /// deeper samples stretched as a scene's are, grey replicated, palettes expanded.
    ///
    /// - Throws: `TilingError` where it cannot be read, or has more than 40 million pixels.
    public init(contentsOf path: String) throws {
        _ = try FileStatus(path: path)
        let dataset = try raster(.notARaster) { try Dataset(path: path) }
        let (pixels, overflow) = dataset.width.multipliedReportingOverflow(by: dataset.height)
        guard !overflow, pixels <= Self.mostPixels else {
            throw TilingError(
                operation: "load image", thing: path,
                reason: "it has \(dataset.width) × \(dataset.height) pixels, more than \(Self.mostPixels): cut it first",
                code: .tooLarge)
        }
        try OpenScene.check(dataset, .standard)
        let plan = try BandPlan(dataset: dataset, selection: .automatic)
        let stretch = try SceneInfo.stretch(dataset, plan, .automatic)
        let assembler = SceneCutter.assembler(dataset: dataset, plan: plan, stretch: stretch, clouds: nil)
        let whole = PixelWindow(x: 0, y: 0, width: dataset.width, height: dataset.height)
        let region = RasterRegion(x: 0, y: 0, width: whole.width, height: whole.height)
        guard try assembler.load(region), let tile = assembler.assemble(whole, inside: whole, minValid: 0).tile else {
            throw TilingError(operation: "load image", thing: path, reason: "no pixel of it is valid", code: .damaged)
        }
        self = tile.image
    }

    /// Writes a PNG, or a JPEG where the name ends in .jpg or .jpeg.
    public func write(to path: String) throws {
        let isJPEG = ["jpg", "jpeg"].contains((path as NSString).pathExtension.lowercased())
        try raster(.notWritten) {
            try Dataset.writeImage(
                rgb: pixels, width: width, height: height, path: path, format: isJPEG ? .jpeg : .png)
        }
    }
}
