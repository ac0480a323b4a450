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
    /// Three planes of stretched bytes.
    private var channels: [UInt8] = []

    init(
        dataset: Dataset, plan: BandPlan, stretch: ResolvedStretch,
        clouds: (source: SampleReader<Sample>.CloudSource, mask: CloudMask)?
    ) {
        reader = SampleReader(dataset: dataset, plan: plan, cloudSource: clouds?.source)
        palette = plan.palette
        isGrey = plan.image.count == 1
        scales = stretch.ranges.isEmpty
            ? plan.image.map { _ in (1, 0) } : stretch.ranges.map { ($0.scale, $0.bias) }
        isUnstretchedBytes = Sample.self == UInt8.self && stretch.ranges.isEmpty && plan.palette == nil
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
        let patch = patch(window, inside)
        let validCount = markValid(window, inside, patch)
        let fraction = Float(Double(validCount) / Double(total))
        guard validCount > 0, Double(validCount) >= minValid * Double(total) else { return (nil, fraction) }
        var pixels = render(patch, isWhole: inside == window, total: total)
        if validCount < total { PixelRendering.fillInvalid(&pixels, valid: valid, count: total) }
        let clouds = cloudTable.map { PixelValidity.countClasses(reader.clouds, patch, table: $0, valid: valid) }
        let tile = AssembledTile(
            image: TileImage(width: window.width, height: window.height, pixels: pixels), validFraction: fraction,
            cloudFraction: clouds.map { Float(Double($0) / Double(validCount)) })
        return (tile, fraction)
    }

    /// A window's inside within the reader's planes, and within the tile.
    private func patch(_ window: PixelWindow, _ inside: PixelWindow) -> PixelPatch {
        let region = reader.region!
        return PixelPatch(
            width: inside.width, height: inside.height,
            start: (inside.y - region.y) * region.width + inside.x - region.x, stride: region.width,
            target: (inside.y - window.y) * window.width + inside.x - window.x, targetStride: window.width)
    }

    /// Fills `valid` for the whole tile and counts.
    private func markValid(_ window: PixelWindow, _ inside: PixelWindow, _ patch: PixelPatch) -> Int {
        if !reader.mayHaveInvalid, inside == window, cloudTable == nil { return window.pixelCount }
        if valid.count < window.pixelCount || inside != window { valid = zeros(UInt8.self, count: window.pixelCount) }
        reader.markValid(patch, into: &valid)
        return PixelValidity.count(valid, patch)
    }

    /// The patch as RGB in a picture of `total` pixels, black where it does not reach.
    private func render(_ patch: PixelPatch, isWhole: Bool, total: Int) -> [UInt8] {
        let planeSize = reader.region!.pixelCount
        let offsets = reader.planes.map { $0 * planeSize }
        if isUnstretchedBytes, let bytes = bytes(of: reader) {
            let (green, blue) = isGrey ? (offsets[0], offsets[0]) : (offsets[1], offsets[2])
            return interleave(bytes, patch, offsets[0], green, blue, isWhole: isWhole, total: total)
        }
        // Plane by plane into bytes, which vectorises, and then all three together.
        if channels.count < 3 * total { channels = zeros(UInt8.self, count: 3 * total) }
        for channel in 0..<(palette == nil ? offsets.count : 3) {
            var part = patch.plane(offset: offsets[palette == nil ? channel : 0])
            part.target += channel * total
            if let palette {
                PixelRendering.look(up: reader.samples, part, in: palette.channels[channel], into: &channels)
            } else {
                PixelRendering.stretch(
                    reader.samples, part, scale: scales[channel].scale, bias: scales[channel].bias, into: &channels)
            }
        }
        let isOnePlane = isGrey && palette == nil
        let stretched = PixelPatch(
            width: patch.width, height: patch.height, start: patch.target, stride: patch.targetStride,
            target: patch.target, targetStride: patch.targetStride)
        return interleave(
            channels, stretched, 0, isOnePlane ? 0 : total, isOnePlane ? 0 : 2 * total, isWhole: isWhole, total: total)
    }

    private func interleave(
        _ planes: [UInt8], _ patch: PixelPatch, _ red: Int, _ green: Int, _ blue: Int, isWhole: Bool, total: Int
    ) -> [UInt8] {
        if isWhole { return PixelRendering.interleaved(planes, patch, red: red, green: green, blue: blue) }
        var pixels = zeros(UInt8.self, count: total * 3)
        PixelRendering.interleave(planes, patch, red: red, green: green, blue: blue, into: &pixels)
        return pixels
    }

    /// The reader's own array where its samples are bytes; asked of the reader as a whole, because casting an array
    /// would copy it.
    private func bytes(of reader: SampleReader<Sample>) -> [UInt8]? { (reader as? SampleReader<UInt8>)?.samples }
}
