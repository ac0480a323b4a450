import GDAL

/// Percentiles of a scene's valid samples: of all of them in a small scene; in a large one of samples out of blocks
/// spread evenly over it, always the same for the same scene. Overviews have no say: they may be averaged, and they
/// may come and go beside the scene.
struct StretchEstimator {
    /// Samples for each band. The 2nd percentile of 2¹⁸ random ones is right to 0.03 percentage points.
    static let wantedSamples = 1 << 18
    /// Blocks to take them from, at least, where the scene has as many.
    private static let wantedBlocks = 128
    /// Blocks to look into before giving up on a scene that is nearly empty.
    private static let mostBlocks = 2048
    /// Pixels decoded in one read: parts of larger blocks are taken.
    private static let readPixels = 1 << 20

    private let dataset: Dataset
    private let plan: BandPlan
    private let reader: SampleReader<Float>

    init(dataset: Dataset, plan: BandPlan) {
        self.dataset = dataset
        self.plan = plan
        reader = SampleReader(dataset: dataset, plan: plan, cloudSource: nil)
    }

    /// - Throws: `TilingError` where no block can be decoded.
    func ranges(low: Double, high: Double) throws -> [ResolvedStretch.BandRange] {
        var samples = try collect()
        return samples.indices.map { band in
            samples[band].sort()
            return ResolvedStretch.BandRange(
                low: Self.percentile(low, of: samples[band]), high: Self.percentile(high, of: samples[band]))
        }
    }

    /// NumPy's default: linear between the two nearest ranks. 0 of nothing.
    static func percentile(_ percent: Double, of sorted: [Float]) -> Double {
        guard !sorted.isEmpty else { return 0 }
        let rank = percent / 100 * Double(sorted.count - 1)
        let below = Int(rank)
        let above = min(below + 1, sorted.count - 1)
        let (first, second) = (Double(sorted[below]), Double(sorted[above]))
        return first + (second - first) * (rank - Double(below))
    }

    private func collect() throws -> [[Float]] {
        let bands = plan.image.count
        var samples = [[Float]](repeating: [], count: bands)
        let everything = dataset.width * dataset.height <= Self.wantedSamples
        let regions = everything
            ? [RasterRegion(x: 0, y: 0, width: dataset.width, height: dataset.height)]
            : try spreadRegions()
        let perRegion = everything ? Self.wantedSamples : max(1, Self.wantedSamples / min(regions.count, Self.wantedBlocks))
        var failure: TilingError?
        for region in regions {
            do {
                guard try reader.load(region) else { continue }
            } catch let error as TilingError {
                failure = error
                continue
            }
            reader.appendValidSamples(atMost: perRegion, to: &samples)
            if samples[0].count >= Self.wantedSamples { break }
        }
        if samples[0].isEmpty, let failure { throw failure }
        return samples
    }

    /// Whole blocks, or parts of large ones, in an order that covers the scene evenly however soon it ends.
    private func spreadRegions() throws -> [RasterRegion] {
        let block = try raster(.unsupported) { try dataset.band(plan.image[0]) }.blockSize
        let width = min(block.width, dataset.width)
        let height = max(1, min(block.height, dataset.height, Self.readPixels / max(1, width)))
        let columns = (dataset.width + width - 1) / width
        let rows = (dataset.height + height - 1) / height
        let count = columns * rows
        let step = Self.evenStep(of: count)
        var position = 0
        return (0..<min(count, Self.mostBlocks)).map { _ in
            let (row, column) = position.quotientAndRemainder(dividingBy: columns)
            position = (position + step) % count
            return RasterRegion(
                x: column * width, y: row * height,
                width: min(width, dataset.width - column * width), height: min(height, dataset.height - row * height))
        }
    }

    /// The step nearest to the golden section of `count` that visits every position once.
    private static func evenStep(of count: Int) -> Int {
        func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
        var step = max(1, Int(Double(count) * 0.618_033_988_749_895))
        while divisor(step, count) != 1 { step += 1 }
        return step
    }
}
