import Foundation
import GDAL
import TileGrid

/// A grid that scenes of one place share: tile edges lie on multiples of the tile step from the grid's origin, so that
/// dates line up pixel by pixel.
struct CommonGrid {
    let reference: SpatialReference
    let crsCode: String
    let resolution: Double
    private let kind: String
    private let placement: Dataset.Placement
    private let origin: Point
    /// Side of one of the scene's own pixels, in units of this grid.
    private let ownResolution: Double

    /// Half the circumference that EPSG:3857 gives the Earth, in metres.
    private static let mercatorHalf = 20_037_508.342789244
    /// Pixels round the equator at zoom level 0 of web maps.
    private static let mercatorBasePixels = 256.0

    /// nil where the scene's own grid is wanted and there is one.
    init?(_ wanted: TileGridKind, for scene: Georeference) throws {
        switch wanted {
        case .scene where scene.geoTransform != nil:
            return nil
        case .scene:
            // Without a grid of its own a scene gets the one that keeps shapes and metres.
            try self.init(utm: nil, scene: scene)
        case .utm(let resolution):
            try self.init(utm: resolution, scene: scene)
        case .webMercator(let resolution):
            try self.init(webMercator: resolution, scene: scene)
        }
    }

    private init(webMercator wanted: Double?, scene: Georeference) throws {
        crsCode = "EPSG:3857"
        kind = "webmercator"
        placement = scene.placement
        origin = Point(x: -Self.mercatorHalf, y: Self.mercatorHalf)
        ownResolution = scene.groundSampleDistance / max(0.01, cos(scene.centre.y * .pi / 180))
        resolution = wanted ?? Self.zoomResolution(nearest: ownResolution)
        reference = try raster(.notGeoreferenced) { try SpatialReference("EPSG:3857") }
    }

    private init(utm wanted: Double?, scene: Georeference) throws {
        let longitude = (scene.centre.x + 180).truncatingRemainder(dividingBy: 360)
        let zone = min(60, max(1, Int((longitude < 0 ? longitude + 360 : longitude) / 6) + 1))
        crsCode = "EPSG:\((scene.centre.y < 0 ? 32700 : 32600) + zone)"
        kind = "utm"
        placement = scene.placement
        origin = Point(x: 0, y: 0)
        ownResolution = scene.groundSampleDistance
        resolution = wanted ?? Self.roundedToTwoDigits(ownResolution)
        let code = crsCode
        reference = try raster(.notGeoreferenced) { try SpatialReference(code) }
    }

    /// Windows count from a corner on a multiple of the step, so that another step places them elsewhere. Tiles side by side need not
    /// say it: there it is their size.
    private func canonicalText(_ options: TilingOptions) -> String {
        "\(kind):\(crsCode):\(resolution)" + (options.overlap > 0 ? ":step \(options.tileSize - options.overlap)" : "")
    }

    /// The scene warped to whole tiles of this grid.
    func view(
        of dataset: Dataset, options: TilingOptions, plan: BandPlan, limits: TilingLimits
    ) throws -> (image: Dataset, plan: BandPlan, clouds: Dataset?, grid: SceneGrid) {
        let rough = try raster(.notGeoreferenced) {
            try dataset.warped(to: reference, grid: nil, resampling: .nearest, placement: placement)
        }
        guard let extent = rough.geoTransform else {
            throw TilingError(
                operation: "warp", thing: dataset.name, reason: "it has no extent in \(crsCode)", code: .notGeoreferenced)
        }
        let east = extent[0] + extent[1] * Double(rough.width)
        let south = extent[3] + extent[5] * Double(rough.height)
        guard !isSplit(dataset, west: extent[0], east: east) else {
            throw TilingError(
                operation: "warp", thing: dataset.name,
                reason: "it lies across the antimeridian, where \(crsCode) has both its edges: cut it in another grid (utm)", code: .unsupported)
        }
        let snapped = try snap(
            west: extent[0], south: south, east: east, north: extent[3], options: options, dataset: dataset, limits: limits)
        let resampling: Dataset.Resampling = plan.palette == nil ? .bilinear : .nearest
        // A warp asks all bands for nodata and takes none but the last for alpha: it is shown only those that have a say.
        let all = Array(1...dataset.bandCount)
        let shown = switch plan.validity {
        case .noData, .alpha: plan.bands
        // A mask may be made of all of them.
        case .mask, .all: all
        }
        let image = try raster(.notGeoreferenced) {
            try (shown == all ? dataset : dataset.view(ofBands: shown)).warped(
                to: reference, grid: snapped, resampling: resampling, missing: plan.dataType.isFloatingPoint ? .inEachBand : .inAllBands,
                placement: placement)
        }
        let clouds = try options.cloud.map { _ in
            try raster(.notGeoreferenced) {
                try dataset.warped(to: reference, grid: snapped, resampling: .nearest, placement: placement)
            }
        }
        let grid = SceneGrid(
            canonicalText: canonicalText(options), crsName: reference.name, crsCode: crsCode, crsWKT: reference.wkt,
            geoTransform: GeoTransform(
                originX: snapped.west, originY: snapped.north, pixelWidth: resolution, pixelHeight: resolution),
            width: image.width, height: image.height)
        return (image, plan.warped(of: shown, alphaBand: image.bandCount), clouds, grid)
    }

    /// Whether a scene that has less than a quarter of the world comes to lie at both of its ends. Larger ones, and those round a pole,
    /// may well reach from one to the other.
    private func isSplit(_ dataset: Dataset, west: Double, east: Double) -> Bool {
        let world = 2 * Self.mercatorHalf
        let diagonal = hypot(Double(dataset.width), Double(dataset.height)) * ownResolution
        return kind == "webmercator" && east - west > 0.9 * world && diagonal < world / 4
    }

    /// The smallest whole number of tile steps that covers an extent, plus what the last tile needs beyond its step.
    private func snap(
        west: Double, south: Double, east: Double, north: Double, options: TilingOptions, dataset: Dataset,
        limits: TilingLimits
    ) throws -> WarpedGrid {
        let step = Double(options.tileSize - options.overlap) * resolution
        let beyond = Double(options.overlap) * resolution
        // A hundredth of a pixel past an edge is rounding, not another tile.
        let slack = resolution / 100
        let firstColumn = ((west - origin.x + slack) / step).rounded(.down)
        let lastColumn = max(firstColumn + 1, ((east - origin.x - slack) / step).rounded(.up))
        let firstRow = ((origin.y - north + slack) / step).rounded(.down)
        let lastRow = max(firstRow + 1, ((origin.y - south - slack) / step).rounded(.up))
        let width = (lastColumn - firstColumn) * step / resolution
        let height = (lastRow - firstRow) * step / resolution
        guard width * height <= Double(limits.maximumPixels), max(width, height) < Double(TileLayout.maximumSide) else {
            throw TilingError(
                operation: "warp", thing: dataset.name,
                reason: "at \(resolution) m it has more than \(limits.maximumPixels) pixels in \(crsCode)",
                code: .tooLarge)
        }
        return WarpedGrid(
            west: origin.x + firstColumn * step, south: origin.y - lastRow * step - beyond,
            east: origin.x + lastColumn * step + beyond, north: origin.y - firstRow * step, resolution: resolution)
    }

    private static func zoomResolution(nearest metres: Double) -> Double {
        let base = 2 * mercatorHalf / mercatorBasePixels
        let zoom = min(30, max(0, log2(base / metres).rounded()))
        return base / exp2(zoom)
    }

    private static func roundedToTwoDigits(_ metres: Double) -> Double {
        let unit = pow(10, (log10(metres)).rounded(.down) - 1)
        // Dividing by a power of ten is exact where multiplying by its inverse is not.
        return unit < 1 ? (metres / unit).rounded() / (1 / unit).rounded() : (metres / unit).rounded() * unit
    }
}
