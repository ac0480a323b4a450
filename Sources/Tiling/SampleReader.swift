import GDAL
import TileGrid

/// Holds the decoded samples of one region of a raster, with the validity of its pixels. Its buffers grow to the
/// largest region asked for and are used again.
final class SampleReader<Sample: PixelSample> {
    /// Where cloud classes come from: another view of the scene where tiles are warped.
    struct CloudSource {
        let dataset: Dataset
        let band: Int
    }

    private let dataset: Dataset
    private let plan: BandPlan
    private let cloudSource: CloudSource?
    /// Band numbers read: those of the image, each once, then alpha.
    private let bands: [Int]
    /// Which plane each image band lies in.
    let planes: [Int]
    private let alphaPlane: Int?
    private let noData: [Sample?]
    /// Missing blocks are looked for; most scenes have none.
    private let isSparse: Bool
    private let blockSize: (width: Int, height: Int)

    /// What is held; nil before the first load and after a failed one.
    private(set) var region: RasterRegion?
    /// Plane after plane, rows without gaps.
    private(set) var samples: [Sample] = []
    /// 0 invalid, anything else valid; empty where the samples themselves tell.
    private(set) var mask: [UInt8] = []
    private(set) var hasMask = false
    private(set) var clouds: [UInt16] = []

    init(dataset: Dataset, plan: BandPlan, cloudSource: CloudSource?) {
        self.dataset = dataset
        self.plan = plan
        self.cloudSource = cloudSource
        let bands = plan.bands
        planes = plan.image.map { bands.firstIndex(of: $0)! }
        if case .alpha = plan.validity { alphaPlane = bands.count - 1 } else { alphaPlane = nil }
        if case .noData(let values) = plan.validity {
            noData = values.map { $0.flatMap(Sample.noData) }
        } else {
            noData = []
        }
        self.bands = bands
        let first = try? dataset.band(plan.image[0])
        isSparse = first?.hasMissingBlocks ?? false
        blockSize = first?.blockSize ?? (dataset.width, 1)
    }

    /// Bytes held for each pixel of a region.
    var bytesPerPixel: Int {
        bands.count * MemoryLayout<Sample>.stride + (readsMask ? 1 : 0) + (cloudSource == nil ? 0 : 2)
    }

    /// Decodes a region, unless it is held already.
    ///
    /// - Returns: false where the format says that nothing is stored there (missing blocks): nothing is decoded.
    /// - Throws: `TilingError` where a block cannot be decoded.
    func load(_ wanted: RasterRegion) throws -> Bool {
        region = nil
        if isSparse, try coverage(of: wanted) == .empty { return false }
        let pixels = wanted.pixelCount
        if samples.count < pixels * bands.count {
            samples = []
            samples = zeros(Sample.self, count: pixels * bands.count)
        }
        try raster(.damaged) {
            try dataset.read(
                wanted, bands: bands, into: &samples,
                layout: .bandSequential(width: wanted.width, height: wanted.height))
        }
        try loadMask(wanted)
        if let cloudSource {
            if clouds.count < pixels { clouds = [UInt16](repeating: 0, count: pixels) }
            try raster(.damaged) {
                try cloudSource.dataset.read(
                    wanted, bands: [cloudSource.band], into: &clouds,
                    layout: .bandSequential(width: wanted.width, height: wanted.height))
            }
        }
        region = wanted
        return true
    }

    private var readsMask: Bool {
        if case .mask = plan.validity { return true }
        return isSparse
    }

    private func loadMask(_ wanted: RasterRegion) throws {
        hasMask = false
        guard readsMask else { return }
        if mask.count < wanted.pixelCount { mask = [UInt8](repeating: 0, count: wanted.pixelCount) }
        if case .mask(let band) = plan.validity {
            try raster(.damaged) {
                try dataset.band(band).readMask(wanted, into: &mask, lineStride: wanted.width)
            }
        } else {
            guard try coverage(of: wanted) != .data else { return }
            for index in 0..<wanted.pixelCount { mask[index] = 255 }
        }
        hasMask = true
        if isSparse { try clearMissingBlocks(of: wanted) }
    }

    /// Missing blocks read as nodata or zero; they are never valid.
    private func clearMissingBlocks(of wanted: RasterRegion) throws {
        let (width, height) = blockSize
        for row in wanted.y / height...(wanted.y + wanted.height - 1) / height {
            for column in wanted.x / width...(wanted.x + wanted.width - 1) / width {
                let part = PixelWindow(x: column * width, y: row * height, width: width, height: height)
                    .intersection(PixelWindow(x: wanted.x, y: wanted.y, width: wanted.width, height: wanted.height))
                let region = RasterRegion(x: part.x, y: part.y, width: part.width, height: part.height)
                guard try coverage(of: region) == .empty else { continue }
                for y in part.y - wanted.y..<part.y - wanted.y + part.height {
                    let start = y * wanted.width + part.x - wanted.x
                    for index in start..<start + part.width { mask[index] = 0 }
                }
            }
        }
    }

    private func coverage(of region: RasterRegion) throws -> RasterBand.Coverage {
        try raster(.damaged) { try dataset.band(plan.image[0]).coverage(of: region) }
    }
}

extension SampleReader {
    /// Writes 1 for valid pixels of a patch of the region held and 0 for others.
    ///
    /// With integers a pixel is invalid where all its bands are nodata: 0 is both "missing" and a dark red. With
    /// floating point, where one is nodata or no number: what marks a gap there is never a measurement.
    func markValid(_ patch: PixelPatch, into valid: inout [UInt8]) {
        let planeSize = region!.pixelCount
        let hasNoData = noData.contains { $0 != nil }
        if let alphaPlane {
            PixelValidity.markNonZero(samples, patch.plane(offset: alphaPlane * planeSize), into: &valid)
        } else if hasNoData, !Sample.isFloat {
            markNoData(patch, planeSize, into: &valid)
        } else if hasMask {
            PixelValidity.markNonZero(mask, patch, into: &valid)
        } else {
            fill(1, patch, in: &valid)
        }
        if hasMask, alphaPlane != nil || hasNoData { PixelValidity.clearZero(mask, patch, in: &valid) }
        if Sample.isFloat {
            for (band, plane) in planes.enumerated() {
                let part = patch.plane(offset: plane * planeSize)
                PixelValidity.clearNonNumbers(samples, part, in: &valid)
                guard hasNoData, let value = noData[band] else { continue }
                PixelValidity.clearEqual(samples, part, to: value, in: &valid)
            }
        }
        if let palette = plan.palette {
            let part = patch.plane(offset: planes[0] * planeSize)
            PixelValidity.clearLookup(samples, part, in: palette.opaque, valid: &valid)
        }
    }

    private func markNoData(_ patch: PixelPatch, _ planeSize: Int, into valid: inout [UInt8]) {
        guard noData.allSatisfy({ $0 != nil }) else { return fill(1, patch, in: &valid) }
        fill(0, patch, in: &valid)
        for (value, plane) in zip(noData, planes) {
            PixelValidity.setUnequal(samples, patch.plane(offset: plane * planeSize), to: value!, in: &valid)
        }
    }

    private func fill(_ value: UInt8, _ patch: PixelPatch, in valid: inout [UInt8]) {
        for row in 0..<patch.height {
            let start = patch.target + row * patch.targetStride
            for index in start..<start + patch.width { valid[index] = value }
        }
    }

    /// Whether some pixel may be invalid: where not, no mask is made at all.
    var mayHaveInvalid: Bool {
        Sample.isFloat || hasMask || alphaPlane != nil || noData.contains { $0 != nil } || plan.palette != nil
    }

    /// Adds samples of valid pixels, evenly out of the region held.
    func appendValidSamples(atMost limit: Int, to output: inout [[Float]]) {
        guard let region else { return }
        let count = region.pixelCount
        var valid = [UInt8](repeating: 1, count: count)
        if mayHaveInvalid {
            let whole = PixelPatch(
                width: region.width, height: region.height, start: 0, stride: region.width, target: 0,
                targetStride: region.width)
            markValid(whole, into: &valid)
        }
        // An odd step of no simple ratio to a row's length does not fall on the same columns again and again.
        var step = max(1, count / max(1, limit))
        if step > 1, step % 2 == 0 { step += 1 }
        for index in stride(from: 0, to: count, by: step) where valid[index] != 0 {
            for (band, plane) in planes.enumerated() { output[band].append(samples[plane * count + index].asFloat) }
        }
    }
}
