import Foundation
import GDAL
import TileGrid

/// A scene's dataset, checked against the limits, with the view of it that tiles are cut from.
final class OpenScene {
    let dataset: Dataset
    let plan: BandPlan
    let grid: SceneGrid
    /// The dataset itself, or it warped to a common grid.
    let view: Dataset
    let viewPlan: BandPlan
    /// The band of cloud classes, warped without mixing classes.
    let cloudView: Dataset?
    let projector: Projector
    let georeference: Georeference
    /// Room for the blocks of a scene that the shared cache does not hold; nil where it does.
    private let blocks: BlockCacheReservation?
    /// Whether that is room for all blocks under a row of tiles.
    let holdsRowOfBlocks: Bool

    init(path: String, options: TilingOptions, limits: TilingLimits) throws {
        try options.validate()
        if !path.hasPrefix("/vsi") { _ = try FileStatus(path: path) }
        try limits.confinement?.check(path)
        let dataset = try raster(.notARaster) {
            try Dataset(path: path, access: limits.allowsNetwork ? .networkAllowed : .localOnly)
        }
        try limits.confinement?.check(dataset)
        try Self.check(dataset, limits)
        plan = try BandPlan(dataset: dataset, selection: options.bands)
        self.dataset = dataset
        if let cloud = options.cloud, !(1...dataset.bandCount).contains(cloud.band) {
            throw TilingError(
                operation: "cut", thing: path, reason: "there is no cloud band \(cloud.band): it has \(dataset.bandCount)",
                code: .invalidOption)
        }
        let demand = try BlockDemand(dataset, plan: plan, cloudBand: options.cloud?.band).reservation(
            tileSize: options.tileSize, overlap: options.overlap, sharedBytes: GDALRuntime.blockCacheBytes, limit: limits.blockRowBytes)
        blocks = demand.bytes > 0 ? BlockCacheReservation(bytes: demand.bytes) : nil
        holdsRowOfBlocks = demand.holdsRows
        georeference = try Georeference(dataset)
        if let target = try CommonGrid(options.grid, for: georeference) {
            let placed = try target.view(of: dataset, options: options, plan: plan, limits: limits)
            (view, viewPlan, cloudView, grid) = (placed.image, placed.plan, placed.clouds, placed.grid)
            projector = try raster(.notGeoreferenced) { try Projector(target.reference) }
        } else {
            view = dataset
            viewPlan = plan
            cloudView = options.cloud == nil ? nil : dataset
            projector = georeference.projector
            let reference = georeference.reference
            grid = SceneGrid(
                canonicalText: "scene", crsName: reference.name, crsCode: reference.authorityCode,
                crsWKT: reference.wkt, geoTransform: georeference.geoTransform!, width: dataset.width,
                height: dataset.height)
        }
    }

    static func check(_ dataset: Dataset, _ limits: TilingLimits) throws {
        func refuse(_ reason: String) -> TilingError {
            TilingError(operation: "cut", thing: dataset.name, reason: reason, code: .tooLarge)
        }
        let (pixels, overflow) = dataset.width.multipliedReportingOverflow(by: dataset.height)
        guard !overflow, pixels <= limits.maximumPixels else {
            throw refuse(
                "it claims \(dataset.width) × \(dataset.height) pixels, more than the limit of \(limits.maximumPixels)")
        }
        var seen: Set = [dataset.name]
        try checkBlocks(dataset, limits, depth: 0, seen: &seen)
    }

    private static func checkBlocks(_ dataset: Dataset, _ limits: TilingLimits, depth: Int, seen: inout Set<String>) throws {
        func refuse(_ reason: String) -> TilingError {
            TilingError(operation: "cut", thing: dataset.name, reason: reason, code: .tooLarge)
        }
        guard let band = dataset.bands.first, let type = band.dataType else { return }
        let (width, height) = band.blockSize
        let interleaved = dataset.metadata(domain: "IMAGE_STRUCTURE")["INTERLEAVE"] == "PIXEL"
        let bytes = width.multipliedReportingOverflow(by: height)
        let all = bytes.partialValue.multipliedReportingOverflow(by: type.byteCount * (interleaved ? dataset.bandCount : 1))
        guard !bytes.overflow, !all.overflow, all.partialValue <= limits.maximumBlockBytes else {
            throw refuse(
                "one block has \(width) × \(height) pixels and decodes to more than \(limits.maximumBlockBytes >> 20) MiB: "
                    + "rewrite it with smaller blocks (gdal_translate -co TILED=YES)")
        }
        // A virtual raster has blocks of its own; what is decoded are those of the files that it names.
        guard dataset.driver == "VRT" else { return }
        guard depth < Confinement.deepestReference else {
            throw refuse("files refer to files more than \(Confinement.deepestReference) deep")
        }
        for file in dataset.files where seen.insert(file).inserted {
            // What does not open is no raster, or the scene's own failure where its pixels are read.
            guard let part = try? Dataset(path: file, access: limits.allowsNetwork ? .networkAllowed : .localOnly) else { continue }
            do {
                try checkBlocks(part, limits, depth: depth + 1, seen: &seen)
            } catch let error as TilingError {
                throw refuse("it refers to \(file): \(error.reason)")
            }
        }
    }

    /// The outline of a window of the grid on the Earth.
    func footprint(of window: PixelWindow) throws -> Footprint {
        try Footprint.densified(window: window, geoTransform: grid.geoTransform, using: projector.place)
    }
}
