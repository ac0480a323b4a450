import Foundation
import GDAL

/// A scene that a test makes: a pattern whose every sample is known.
struct TestScene {
    enum Mask: String, CaseIterable, Sendable { case none, noData, nan, alpha, inner, outer }
    enum Layout: String, CaseIterable, Sendable {
        case striped, tiled, deflate, lzw, bandTiled, cog

        var options: [String] {
            switch self {
            case .striped: []
            case .tiled: ["TILED=YES", "BLOCKXSIZE=32", "BLOCKYSIZE=32"]
            case .deflate: ["TILED=YES", "BLOCKXSIZE=64", "BLOCKYSIZE=32", "COMPRESS=DEFLATE", "PREDICTOR=2"]
            case .lzw: ["COMPRESS=LZW", "BLOCKYSIZE=7"]
            case .bandTiled: ["TILED=YES", "BLOCKXSIZE=48", "BLOCKYSIZE=16", "INTERLEAVE=BAND"]
            case .cog: ["TILED=YES", "BLOCKXSIZE=128", "BLOCKYSIZE=128", "COMPRESS=DEFLATE", "BIGTIFF=YES"]
            }
        }
    }

    var width = 150
    var height = 110
    var bands = 3
    var dataType = DataType.uint8
    var mask = Mask.none
    var layout = Layout.tiled
    var crs: String? = "EPSG:32633"
    var geoTransform: [Double]? = [500_000, 10, 0, 5_100_000, 0, -10]
    var metadata: [String: String] = [:]
    /// Of the driver, besides those of the layout.
    var options: [String] = []

    /// Between 1 and 250, different in each band: fits every type, and is never a nodata value.
    static func value(_ x: Int, _ y: Int, band: Int) -> Int { 1 + (x * 3 + y * 5 + band * 40) % 250 }

    /// A gap in the upper left corner and a band across.
    static func isValid(_ x: Int, _ y: Int) -> Bool { !(x < 40 && y < 30) && !(60..<70).contains(y) }

    var noData: Double {
        switch dataType {
        case .uint8, .uint16, .uint32: 0
        case .float32, .float64: -9999.5
        default: -999
        }
    }

    func hasGap(_ x: Int, _ y: Int) -> Bool { mask != .none && !Self.isValid(x, y) }

    func write(to path: String) throws {
        let alpha = mask == .alpha
        var options = layout.options + options
        if dataType.isFloatingPoint { options.removeAll { $0.hasPrefix("PREDICTOR") } }
        if alpha { options += ["PHOTOMETRIC=MINISBLACK"] }
        let writer = try RasterWriter(
            path: path, width: width, height: height, bands: bands + (alpha ? 1 : 0), dataType: dataType,
            options: options)
        if let geoTransform { try writer.setGeoTransform(geoTransform) }
        if let crs { try writer.setSpatialReference(SpatialReference(crs)) }
        for (key, value) in metadata { try writer.setMetadata(key, value) }
        if alpha { try writer.setColorInterpretation(.alpha, band: bands + 1) }
        let region = RasterRegion(x: 0, y: 0, width: width, height: height)
        if mask == .noData { for band in 1...bands { try writer.setNoData(noData, band: band) } }
        for band in 1...bands {
            try writer.setDescription("band \(band)", band: band)
            try writer.write(samples(band: band), region: region, band: band)
        }
        let flags = pixels { hasGap($0, $1) ? 0 : 255 }
        if alpha {
            try writer.write(flags.map(UInt8.init), region: region, band: bands + 1)
        } else if mask == .inner || mask == .outer {
            try writer.writeMask(flags.map(UInt8.init), region: region, insideFile: mask == .inner)
        }
        try writer.close()
    }

    private func samples(band: Int) -> [Double] {
        pixels { x, y in
            guard hasGap(x, y) else { return Double(Self.value(x, y, band: band)) }
            return switch mask {
            case .noData: noData
            case .nan: .nan
            default: 77
            }
        }
    }

    private func pixels<Value>(_ make: (Int, Int) -> Value) -> [Value] {
        (0..<height).flatMap { y in (0..<width).map { x in make(x, y) } }
    }
}
