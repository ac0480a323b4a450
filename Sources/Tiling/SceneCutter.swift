import GDAL
import TileGrid

/// Cuts one scene into tiles.
///
/// It owns an open dataset, so it stays where it was made: every worker makes its own. Cutting in order decodes each
/// block once, as far as `TilingLimits.bufferBytes` allows; any other order works too.
public final class SceneCutter {
    public let info: SceneInfo
    public let options: TilingOptions
    /// The windows of the scene's tiles, in pixels of `info.grid`.
    public let layout: TileLayout

    let scene: OpenScene
    private let identity: TileIdentity
    private let assembler: any TileAssembling
    private let plan: ReadPlan
    private var lastIndex: Int?
    var copier: WindowCopier?

    /// Opens a scene and prepares cutting it: reads its bytes once for the fingerprint, and samples of it where the
    /// stretch asks for percentiles.
    ///
    /// - Parameters:
    ///   - fingerprint: that of the unchanged file where it is known, to spare reading it.
    ///   - known: what an earlier cutter of the same unchanged file and options found, to spare both.
    /// - Throws: `TilingError`.
    public init(
        path: String, options: TilingOptions, limits: TilingLimits = .standard,
        fingerprint: SceneFingerprint? = nil, known: SceneInfo? = nil
    ) throws {
        scene = try OpenScene(path: path, options: options, limits: limits)
        info = try known ?? SceneInfo(path: path, scene: scene, options: options, fingerprint: fingerprint)
        self.options = options
        do {
            layout = try TileLayout(
                rasterWidth: scene.grid.width, rasterHeight: scene.grid.height, tileSize: options.tileSize,
                overlap: options.overlap, edge: options.edge)
        } catch let error as TileGridError {
            throw TilingError(operation: "cut", thing: path, reason: error.reason, code: .invalidOption)
        }
        identity = TileIdentity(
            sceneSHA256: info.fingerprint.sha256, grid: info.grid, imageBands: info.imageBands, stretch: info.stretch)
        assembler = Self.assembler(scene, info.stretch, options)
        let (view, first) = (scene.view, scene.viewPlan.image[0])
        let block = try raster(.unsupported) { try view.band(first) }.blockSize
        plan = ReadPlan(
            layout: layout, blockWidth: block.width, blockHeight: block.height,
            bytesPerPixel: assembler.bytesPerPixel, bufferBytes: limits.bufferBytes,
            blockCacheBytes: GDALRuntime.blockCacheBytes,
            holdsRowOfBlocks: scene.holdsRowOfBlocks && scene.view === scene.dataset)
    }

    /// The id that a tile has, without reading a pixel.
    public func tileID(_ index: Int) -> TileID { identity.id(of: layout[index]) }

    /// Reads, judges and renders one tile.
    ///
    /// - Throws: `TilingError` with code `damaged` where a block under this tile cannot be decoded; other tiles may
    ///   still be cut.
    public func cut(_ index: Int) throws -> CutResult {
        let window = layout[index]
        let inside = window.clipped(toWidth: layout.rasterWidth, height: layout.rasterHeight)
        let isInOrder = index == (lastIndex ?? -1) + 1
        lastIndex = index
        guard try holds(inside) || load(index, inOrder: isInOrder) else { return .skipped(.belowMinValid(0)) }
        let (assembled, valid) = assembler.assemble(window, inside: inside, minValid: options.minValid)
        guard let assembled else { return .skipped(.belowMinValid(valid)) }
        let footprint: Footprint
        do {
            footprint = try scene.footprint(of: inside)
        } catch let error as TileGridError where error.code == .noFootprint {
            return .skipped(.offEarth)
        }
        return .tile(CutTile(
            id: tileID(index), index: index, window: window,
            geoTransform: info.grid.geoTransform.translated(to: window), footprint: footprint,
            validFraction: assembled.validFraction, cloudFraction: assembled.cloudFraction, image: assembled.image))
    }

    private func holds(_ inside: PixelWindow) -> Bool { assembler.holds(inside) }

    /// False where nothing is stored under the tile.
    private func load(_ index: Int, inOrder: Bool) throws -> Bool {
        let own = plan.tileRegion(index)
        let region = inOrder ? plan.region(from: index) : own
        if region != own {
            // One bad block fails a region of many tiles: fall back to the tile itself, so that only its own fails.
            if let stored = try? assembler.load(region) {
                if stored { return true }
                return false
            }
        }
        return try assembler.load(own)
    }

    static func assembler(
        _ scene: OpenScene, _ stretch: ResolvedStretch, _ options: TilingOptions
    ) -> any TileAssembling {
        let clouds = options.cloud.flatMap { mask in scene.cloudView.map { ($0, mask) } }
        return assembler(dataset: scene.view, plan: scene.viewPlan, stretch: stretch, clouds: clouds)
    }

    static func assembler(
        dataset: Dataset, plan: BandPlan, stretch: ResolvedStretch, clouds: (Dataset, CloudMask)?
    ) -> any TileAssembling {
        func make<Sample: PixelSample>(_ type: Sample.Type) -> any TileAssembling {
            TileAssembler<Sample>(
                dataset: dataset, plan: plan, stretch: stretch,
                clouds: clouds.map { (SampleReader<Sample>.CloudSource(dataset: $0, band: $1.band), $1) })
        }
        switch plan.dataType {
        case .uint8: return make(UInt8.self)
        case .uint16: return make(UInt16.self)
        case .int16: return make(Int16.self)
        default: return make(Float.self)
        }
    }
}

extension SceneInfo {
    init(path: String, scene: OpenScene, options: TilingOptions, fingerprint known: SceneFingerprint?) throws {
        let dataset = scene.dataset
        let fingerprint = try known ?? SceneFingerprint(path: path, files: dataset.files, stamp: SceneStamp(path: path))
        let outline: Footprint
        do {
            outline = try scene.footprint(of: PixelWindow(x: 0, y: 0, width: scene.grid.width, height: scene.grid.height))
        } catch let error as TileGridError {
            throw TilingError(operation: "place", thing: path, reason: error.reason, code: .notGeoreferenced)
        }
        self.init(
            path: path, fingerprint: fingerprint, driver: dataset.driver, width: dataset.width, height: dataset.height,
            bandCount: dataset.bandCount, dataType: scene.plan.dataType.rawValue,
            bandDescriptions: dataset.bands.map { $0.description ?? "" },
            noData: try raster(.unsupported) { try dataset.band(scene.plan.image[0]).noData },
            crsName: scene.georeference.reference.name, crsWKT: scene.georeference.reference.wkt,
            geoTransform: scene.georeference.geoTransform,
            grid: scene.grid, groundSampleDistance: scene.georeference.groundSampleDistance,
            acquired: AcquisitionReader(path: path, dataset: dataset).read(), footprint: outline,
            imageBands: scene.plan.image, stretch: try Self.stretch(scene, options))
    }

    static func stretch(_ scene: OpenScene, _ options: TilingOptions) throws -> ResolvedStretch {
        try stretch(scene.dataset, scene.plan, options.stretch)
    }

    /// What a stretch comes to in one raster: percentiles are those of the raster itself, not of a warped view.
    static func stretch(_ dataset: Dataset, _ plan: BandPlan, _ wanted: Stretch) throws -> ResolvedStretch {
        let stretch = wanted.resolved(for: plan)
        switch stretch {
        case .none, .automatic:
            return .none
        case .range(let low, let high):
            return ResolvedStretch(stretch: stretch, ranges: plan.image.map { _ in .init(low: low, high: high) })
        case .percentile(let low, let high):
            let ranges = try StretchEstimator(dataset: dataset, plan: plan).ranges(low: low, high: high)
            return ResolvedStretch(stretch: stretch, ranges: ranges)
        }
    }
}
