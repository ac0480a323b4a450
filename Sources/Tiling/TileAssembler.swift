import GDAL
import TileGrid

/// What comes of one window: the picture and what is known of its pixels.
struct AssembledTile {
    var image: TileImage
    var validFraction: Float
    var cloudFraction: Float?
}

/// Makes tiles of the samples that a reader holds, whatever their type.
protocol TileAssembling: AnyObject {
    var bytesPerPixel: Int { get }
    /// Whether the region held covers a window.
    func holds(_ window: PixelWindow) -> Bool
    /// See `SampleReader.load`.
    func load(_ region: RasterRegion) throws -> Bool
    /// nil where fewer pixels than `minValid` are valid, with the share that is.
    func assemble(_ window: PixelWindow, inside: PixelWindow, minValid: Double) -> (tile: AssembledTile?, valid: Float)
}

final class TileAssembler<Sample: PixelSample>: TileAssembling {
    private let reader: SampleReader<Sample>
    private let palette: Palette?
    private let scales: [(scale: Float, bias: Float)]
    private let isGrey: Bool
    private let isUnstretchedBytes: Bool
    private let cloudTable: [UInt8]?
    /// 1 for each valid pixel of the tile at hand; grows to the largest tile.
    private var valid: [UInt8] = []

    init(
        dataset: Dataset, plan: BandPlan, stretch: ResolvedStretch,
        clouds: (source: SampleReader<Sample>.CloudSource, mask: CloudMask)?
    ) {
        reader = SampleReader(dataset: dataset, plan: plan, cloudSource: clouds?.source)
        palette = plan.palette
        isGrey = plan.image.count == 1
        scales = stretch.ranges.isEmpty
            ? plan.image.map { _ in (1, 0) } : stretch.ranges.map { ($0.scale, $0.bias) }
        isUnstretchedBytes = Sample.self == UInt8.self && stretch.ranges.isEmpty
        cloudTable = clouds?.mask.lookup
    }

    var bytesPerPixel: Int { reader.bytesPerPixel }

    func holds(_ window: PixelWindow) -> Bool {
        guard let region = reader.region else { return false }
        return PixelWindow(x: region.x, y: region.y, width: region.width, height: region.height).contains(window)
    }

    func load(_ region: RasterRegion) throws -> Bool { try reader.load(region) }

    func assemble(
        _ window: PixelWindow, inside: PixelWindow, minValid: Double
    ) -> (tile: AssembledTile?, valid: Float) {
        let total = window.pixelCount
        if valid.count < total { valid = [UInt8](repeating: 0, count: total) }
        let validCount = markValid(window, inside)
        let fraction = Float(Double(validCount) / Double(total))
        guard validCount > 0, Double(validCount) >= minValid * Double(total) else { return (nil, fraction) }
        var pixels = [UInt8](repeating: 0, count: total * 3)
        for row in 0..<inside.height {
            render(
                start: start(ofRow: row, inside), count: inside.width, into: &pixels,
                offset: 3 * ((inside.y - window.y + row) * window.width + inside.x - window.x))
        }
        if validCount < total { fillInvalid(&pixels, count: total, validCount: validCount) }
        let tile = AssembledTile(
            image: TileImage(width: window.width, height: window.height, pixels: pixels), validFraction: fraction,
            cloudFraction: cloudFraction(window, inside, validCount: validCount))
        return (tile, fraction)
    }

    /// Index of the first pixel of a window's row within a plane of the reader.
    private func start(ofRow row: Int, _ inside: PixelWindow) -> Int {
        let region = reader.region!
        return (inside.y - region.y + row) * region.width + inside.x - region.x
    }

    /// Fills `valid` for the whole tile and counts.
    private func markValid(_ window: PixelWindow, _ inside: PixelWindow) -> Int {
        if inside != window {
            var span = valid.mutableSpan
            PixelKernels.fill(0, count: window.pixelCount, into: &span, offset: 0)
        }
        if !reader.mayHaveInvalid, inside == window, cloudTable == nil { return window.pixelCount }
        var count = 0
        for row in 0..<inside.height {
            let offset = (inside.y - window.y + row) * window.width + inside.x - window.x
            reader.markValid(start: start(ofRow: row, inside), count: inside.width, into: &valid, offset: offset)
            count += PixelKernels.sum(valid.span, start: offset, count: inside.width)
        }
        return count
    }

    private func render(start: Int, count: Int, into pixels: inout [UInt8], offset: Int) {
        let planeSize = reader.region!.pixelCount
        let starts = (0..<reader.planes.count).map { reader.planes[$0] * planeSize + start }
        // A span borrows an array, not a property of another object: hold the array (this copies no sample).
        let samples = reader.samples
        var output = pixels.mutableSpan
        if let palette {
            let (red, green, blue) = (palette.red, palette.green, palette.blue)
            PixelKernels.expand(
                samples.span, start: starts[0], count: count, red: red.span, green: green.span,
                blue: blue.span, into: &output, offset: offset)
        } else if isUnstretchedBytes {
            PixelKernels.interleave(
                samples.span, red: starts[0], green: starts[isGrey ? 0 : 1], blue: starts[isGrey ? 0 : 2], count: count,
                into: &output, offset: offset)
        } else {
            for (channel, start) in starts.enumerated() {
                PixelKernels.stretch(
                    samples.span, start: start, count: count, scale: scales[channel].scale,
                    bias: scales[channel].bias, into: &output, offset: offset + channel)
            }
            if isGrey { PixelKernels.replicateGrey(count: count, in: &output, offset: offset) }
        }
    }

    private func fillInvalid(_ pixels: inout [UInt8], count: Int, validCount: Int) {
        let valid = valid
        let sums = PixelKernels.channelSums(pixels.span, valid: valid.span, count: count)
        func mean(_ sum: Int) -> UInt8 { UInt8((sum + validCount / 2) / validCount) }
        var output = pixels.mutableSpan
        PixelKernels.fillInvalid(
            &output, valid: valid.span, count: count, red: mean(sums.0), green: mean(sums.1), blue: mean(sums.2))
    }

    private func cloudFraction(_ window: PixelWindow, _ inside: PixelWindow, validCount: Int) -> Float? {
        guard let cloudTable else { return nil }
        let (classes, valid) = (reader.clouds, self.valid)
        var clouds = 0
        for row in 0..<inside.height {
            clouds += PixelKernels.countClouds(
                classes.span, start: start(ofRow: row, inside), count: inside.width, table: cloudTable.span,
                valid: valid.span, offset: (inside.y - window.y + row) * window.width + inside.x - window.x)
        }
        return Float(Double(clouds) / Double(validCount))
    }
}
