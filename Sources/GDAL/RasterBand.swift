import CGDAL

/// One band of a dataset, which it keeps open. The handle belongs to the dataset (gdal.h, GDALGetRasterBand).
public struct RasterBand {
    private let handle: GDALRasterBandH
    private let dataset: Dataset
    /// From 1, as GDAL counts.
    public let number: Int

    init(handle: GDALRasterBandH, number: Int, dataset: Dataset) {
        self.handle = handle
        self.number = number
        self.dataset = dataset
    }

    /// nil for a type that this release of GDAL alone knows.
    public var dataType: DataType? { DataType(gdal: GDALGetRasterDataType(handle)) }

    /// True for 8-bit samples that carry a sign, which GDAL before 3.7 marks in metadata.
    public var isSignedByte: Bool { dataType == .uint8 && structure["PIXELTYPE"] == "SIGNEDBYTE" }

    /// Bits of a sample in the file; nil for a type that this release of GDAL alone knows.
    public var bitDepth: Int? { structure["NBITS"].flatMap(Int.init) ?? dataType.map { $0.byteCount * 8 } }

    private var structure: [String: String] { Dataset.dictionary(GDALGetMetadata(handle, "IMAGE_STRUCTURE")) }

    /// Width and height of the blocks that the format decodes as one.
    public var blockSize: (width: Int, height: Int) {
        var (width, height): (Int32, Int32) = (0, 0)
        GDALGetBlockSize(handle, &width, &height)
        return (Int(width), Int(height))
    }

    /// The band's own text, nil where there is none.
    public var description: String? {
        guard let text = GDALGetDescription(handle), text.pointee != 0 else { return nil }
        return String(cString: text)
    }

    public enum ColorInterpretation: Sendable {
        case undefined, gray, palette, red, green, blue, alpha, other
    }

    public var colorInterpretation: ColorInterpretation {
        switch GDALGetRasterColorInterpretation(handle) {
        case GCI_Undefined: .undefined
        case GCI_GrayIndex: .gray
        case GCI_PaletteIndex: .palette
        case GCI_RedBand: .red
        case GCI_GreenBand: .green
        case GCI_BlueBand: .blue
        case GCI_AlphaBand: .alpha
        default: .other
        }
    }

    /// The value that marks missing samples; nil where there is none.
    public var noData: Double? {
        var present: Int32 = 0
        // 64-bit integers have nodata values that a double cannot hold (gdal.h, GDALGetRasterNoDataValueAsInt64).
        switch dataType {
        case .int64:
            let value = GDALGetRasterNoDataValueAsInt64(handle, &present)
            return present == 0 ? nil : Double(value)
        case .uint64:
            let value = GDALGetRasterNoDataValueAsUInt64(handle, &present)
            return present == 0 ? nil : Double(value)
        default:
            let value = GDALGetRasterNoDataValue(handle, &present)
            return present == 0 ? nil : value
        }
    }

    /// How GDAL knows which pixels are valid (GDALGetMaskFlags).
    public struct MaskFlags: OptionSet, Sendable {
        public let rawValue: Int32
        public init(rawValue: Int32) { self.rawValue = rawValue }
        public static let allValid = MaskFlags(rawValue: GMF_ALL_VALID)
        public static let perDataset = MaskFlags(rawValue: GMF_PER_DATASET)
        public static let alpha = MaskFlags(rawValue: GMF_ALPHA)
        public static let noData = MaskFlags(rawValue: GMF_NODATA)
    }

    public var maskFlags: MaskFlags { MaskFlags(rawValue: GDALGetMaskFlags(handle)) }

    /// Red, green, blue and alpha of every palette entry; nil without a palette.
    public var palette: [(red: UInt8, green: UInt8, blue: UInt8, alpha: UInt8)]? {
        guard let table = GDALGetRasterColorTable(handle) else { return nil }
        func byte(_ value: Int16) -> UInt8 { UInt8(clamping: value) }
        return (0..<GDALGetColorEntryCount(table)).map { index in
            var entry = GDALColorEntry()
            GDALGetColorEntryAsRGB(table, index, &entry)
            return (byte(entry.c1), byte(entry.c2), byte(entry.c3), byte(entry.c4))
        }
    }

    /// What a region holds, as far as the format can tell without decoding (sparse files).
    public enum Coverage: Sendable { case data, empty, mixed, unknown }

    public func coverage(of region: RasterRegion) throws -> Coverage {
        try dataset.check(region)
        let status = GDALGetDataCoverageStatus(
            handle, Int32(region.x), Int32(region.y), Int32(region.width), Int32(region.height), 0, nil)
        if status & GDAL_DATA_COVERAGE_STATUS_UNIMPLEMENTED != 0 { return .unknown }
        switch (status & GDAL_DATA_COVERAGE_STATUS_DATA != 0, status & GDAL_DATA_COVERAGE_STATUS_EMPTY != 0) {
        case (true, true): return .mixed
        case (false, true): return .empty
        default: return .data
        }
    }

    /// Whether any block of the whole band is missing; stops at the first (sparse files).
    public var hasMissingBlocks: Bool {
        let status = GDALGetDataCoverageStatus(
            handle, 0, 0, Int32(dataset.width), Int32(dataset.height), GDAL_DATA_COVERAGE_STATUS_EMPTY, nil)
        return status & GDAL_DATA_COVERAGE_STATUS_UNIMPLEMENTED == 0 && status & GDAL_DATA_COVERAGE_STATUS_EMPTY != 0
    }

    /// Reads the band's mask, as GDAL makes it: 0 invalid, other values valid.
    ///
    /// - Parameter buffer: already large enough; rows begin `lineStride` apart, from `offset`.
    public func readMask(
        _ region: RasterRegion, into buffer: inout [UInt8], offset: Int = 0, lineStride: Int
    ) throws {
        try dataset.check(region)
        precondition(
            offset >= 0 && offset + (region.height - 1) * lineStride + region.width <= buffer.count,
            "a buffer too small for the mask of \(region)")
        CPLErrorReset()
        let outcome = buffer.withUnsafeMutableBufferPointer { samples in
            GDALRasterIOEx(
                GDALGetMaskBand(handle), GF_Read, Int32(region.x), Int32(region.y), Int32(region.width),
                Int32(region.height), samples.baseAddress! + offset, Int32(region.width), Int32(region.height),
                GDT_Byte, 1, Int64(lineStride), nil)
        }
        guard outcome == CE_None else { throw GDALError.last("read the mask of \(region) of", dataset.name) }
    }

    /// Decodes one block in the raster's own type, past the block cache.
    ///
    /// - Parameters:
    ///   - column, row: in blocks.
    ///   - buffer: at least block width × block height × sample size bytes.
    public func readBlock(column: Int, row: Int, into buffer: inout [UInt8]) throws {
        let (width, height) = blockSize
        precondition(buffer.count >= width * height * (dataType?.byteCount ?? 16), "a buffer smaller than a block")
        CPLErrorReset()
        let outcome = buffer.withUnsafeMutableBytes {
            GDALReadBlock(handle, Int32(column), Int32(row), $0.baseAddress!)
        }
        guard outcome == CE_None else { throw GDALError.last("decode block (\(column), \(row)) of", dataset.name) }
    }
}
