import GDAL

/// Which bands of one scene make its image, and what tells its valid pixels.
struct BandPlan {
    enum Validity: Equatable {
        /// Every pixel (of a floating-point scene: every one that is a number).
        case all
        /// By nodata value, one entry for each image band; nil where that band has none.
        case noData([Double?])
        /// Another band of the dataset, 0 where invalid.
        case alpha(band: Int)
        /// The mask that GDAL makes of an internal mask, a .msk file or per-dataset nodata values.
        case mask(band: Int)
    }

    /// One (grey or palette) or three (red, green, blue), numbered from 1.
    let image: [Int]
    let palette: Palette?
    let dataType: DataType
    let validity: Validity

    init(dataset: Dataset, selection: BandSelection) throws {
        func refuse(_ reason: String, _ code: TilingError.Code = .unsupported) -> TilingError {
            TilingError(operation: "cut", thing: dataset.name, reason: reason, code: code)
        }
        let bands = dataset.bands
        guard !bands.isEmpty else {
            let parts = dataset.metadata(domain: "SUBDATASETS").keys.filter { $0.hasSuffix("_NAME") }.count
            throw refuse(parts == 0 ? "it has no bands" : "it is a container of \(parts) rasters: convert the one you mean")
        }
        image = try Self.imageBands(bands, selection, refuse: { refuse($0, .invalidOption) })
        let chosen = try image.map { number in
            try raster(.unsupported) { try dataset.band(number) }
        }
        for band in chosen {
            guard let type = band.dataType else { throw refuse("band \(band.number) has a sample type unknown here") }
            if type.isComplex { throw refuse("band \(band.number) has complex samples (\(type.rawValue))") }
            if band.isSignedByte { throw refuse("band \(band.number) has signed 8-bit samples") }
        }
        palette = chosen.count == 1 && chosen[0].colorInterpretation == .palette
            ? chosen[0].palette.map(Palette.init) : nil
        let types = Set(chosen.compactMap(\.dataType))
        dataType = types.count == 1 ? types.first! : .float32
        validity = Self.validity(chosen, all: bands)
    }

    private init(image: [Int], palette: Palette?, dataType: DataType, validity: Validity) {
        (self.image, self.palette, self.dataType, self.validity) = (image, palette, dataType, validity)
    }

    /// The bands that are read: those of the image, each once, then alpha.
    var bands: [Int] {
        var bands: [Int] = []
        for number in image where !bands.contains(number) { bands.append(number) }
        if case .alpha(let number) = validity { bands.append(number) }
        return bands
    }

    /// The same image in a warped view of `shown` bands, whose last band says what the source covers.
    func warped(of shown: [Int], alphaBand: Int) -> BandPlan {
        BandPlan(
            image: image.map { shown.firstIndex(of: $0)! + 1 }, palette: palette, dataType: dataType, validity: .alpha(band: alphaBand))
    }

    private static func imageBands(
        _ bands: [RasterBand], _ selection: BandSelection, refuse: (String) -> TilingError
    ) throws -> [Int] {
        func first(_ meaning: RasterBand.ColorInterpretation) -> Int? {
            bands.first { $0.colorInterpretation == meaning }?.number
        }
        let named = [first(.red), first(.green), first(.blue)].compactMap { $0 }
        switch selection {
        case .rgb:
            guard named.count == 3 else { throw refuse("its bands are not named red, green and blue: give their numbers") }
            return named
        case .indices(let numbers):
            guard numbers.count == 1 || numbers.count == 3 else { throw refuse("one band or three make an image") }
            for number in numbers where !(1...bands.count).contains(number) {
                throw refuse("there is no band \(number): it has \(bands.count), counted from 1")
            }
            return numbers
        case .automatic:
            if named.count == 3 { return named }
            let opaque = bands.filter { $0.colorInterpretation != .alpha }.map(\.number)
            if opaque.count >= 3, bands[opaque[0] - 1].colorInterpretation != .palette { return Array(opaque.prefix(3)) }
            return [opaque.first ?? 1]
        }
    }

    private static func validity(_ chosen: [RasterBand], all: [RasterBand]) -> Validity {
        let flags = chosen[0].maskFlags
        let alpha = all.first { $0.colorInterpretation == .alpha }
        if flags.contains(.perDataset), !flags.contains(.alpha) { return .mask(band: chosen[0].number) }
        let values = chosen.map { $0.maskFlags.contains(.noData) ? $0.noData : nil }
        if values.contains(where: { $0 != nil }) { return .noData(values) }
        // GDAL's flags name an alpha band only where it is the last of two or four; it means the same elsewhere.
        return alpha.map { .alpha(band: $0.number) } ?? .all
    }
}

/// Colours of a palette's 65,536 values; those it lacks are black and invalid.
struct Palette: Equatable {
    /// Red, green and blue.
    let channels: [[UInt8]]
    /// 1 where the entry is there and not transparent.
    let opaque: [UInt8]

    init(_ entries: [(red: UInt8, green: UInt8, blue: UInt8, alpha: UInt8)]) {
        let known = entries.prefix(65536)
        let missing = [UInt8](repeating: 0, count: 65536 - known.count)
        channels = [known.map(\.red), known.map(\.green), known.map(\.blue)].map { $0 + missing }
        opaque = known.map { $0.alpha == 0 ? 0 : 1 } + missing
    }
}
