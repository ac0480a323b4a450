import GDAL
import Testing
import TileGrid
@testable import Tiling

/// Room in GDAL's cache for scenes whose blocks span several rows of tiles.
@Suite("Block demand") struct BlockDemandTests {
    private static let mebibyte = 1 << 20

    private func demand(width: Int, height: Int, block: Int, bytesPerPixel: Int = 3) -> BlockDemand {
        BlockDemand(rasterWidth: width, rasterHeight: height, blockWidth: block, blockHeight: block, bytesPerPixel: bytesPerPixel)
    }

    @Test("One row of blocks where tiles end with them, two where some lie across the seam, never more than there are")
    func rows() {
        let scene = demand(width: 3000, height: 8192, block: 1024)
        let row = 3 * 1024 * 1024 * 3
        #expect(scene.bytes(tileSize: 512, overlap: 0) == row)
        #expect(scene.bytes(tileSize: 500, overlap: 0) == 2 * row)
        #expect(scene.bytes(tileSize: 512, overlap: 64) == 2 * row)
        // The last row of tiles is shifted inwards.
        #expect(demand(width: 3000, height: 8200, block: 1024).bytes(tileSize: 512, overlap: 0) == 2 * row)
        #expect(demand(width: 3000, height: 1000, block: 1024).bytes(tileSize: 500, overlap: 8) == row)
    }

    @Test("Nothing is reserved where the shared cache holds a row of blocks, or no block spans two rows of tiles; never more than the limit")
    func reservation() {
        let limit = 512 * Self.mebibyte
        func reserved(_ demand: BlockDemand) -> (bytes: Int, holdsRows: Bool) {
            demand.reservation(tileSize: 512, overlap: 0, sharedBytes: 48 * Self.mebibyte, limit: limit)
        }
        #expect(reserved(demand(width: 4096, height: 4096, block: 1024)) == (0, false))
        #expect(reserved(demand(width: 60_000, height: 61_440, block: 512)) == (0, false))
        #expect(reserved(demand(width: 10_980, height: 10_240, block: 1024)) == (33 * Self.mebibyte, true))
        #expect(reserved(demand(width: 8192, height: 9216, block: 8192)) == (192 * Self.mebibyte, true))
        // A row of these is 655 MB: two blocks, so that one decoding serves all bands.
        #expect(reserved(demand(width: 40_000, height: 40_960, block: 2048, bytesPerPixel: 8)) == (64 * Self.mebibyte, false))
        #expect(reserved(demand(width: 16_384, height: 32_768, block: 16_384, bytesPerPixel: 4)) == (limit, false))
    }

    @Test("Tiles on both sides of a seam are the pixels of a plain read, whether a row of blocks may be held or not", arguments: [nil, 2 << 20] as [Int?])
    func pixels(limit: Int?) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("large.tif")
        // Blocks of all bands that decode to 48 MiB, in 2 × 1 of them.
        let writer = try RasterWriter(
            path: path, width: 4096, height: 8192, bands: 3, dataType: .uint8,
            options: ["TILED=YES", "BLOCKXSIZE=4096", "BLOCKYSIZE=4096", "COMPRESS=DEFLATE", "INTERLEAVE=PIXEL", "SPARSE_OK=TRUE"])
        try writer.setGeoTransform([500_000, 10, 0, 5_100_000, 0, -10])
        try writer.setSpatialReference(SpatialReference("EPSG:32633"))
        let corner = RasterRegion(x: 3900, y: 4000, width: 150, height: 150)
        for band in 1...3 { try writer.write((0..<corner.pixelCount).map { UInt8(1 + ($0 * band) % 250) }, region: corner, band: band) }
        try writer.close()
        var limits = TilingLimits.standard
        if let limit { limits.blockRowBytes = limit }
        let cutter = try SceneCutter(path: path, options: TilingOptions(tileSize: 256, minValid: 0), limits: limits)
        #expect(cutter.scene.holdsRowOfBlocks == (limit == nil))
        let whole = try Dataset(path: path)
        var written = [UInt8](repeating: 0, count: 256 * 256 * 3)
        for index in [15 * 16 + 15, 16 * 16 + 15] {
            guard case .tile(let tile) = try cutter.cut(index) else { Issue.record("tile \(index) was skipped"); continue }
            let window = tile.window
            try whole.read(
                RasterRegion(x: window.x, y: window.y, width: 256, height: 256), bands: [1, 2, 3], into: &written,
                layout: BufferLayout(offset: 0, pixelStride: 3, lineStride: 3 * 256, bandStride: 1))
            #expect(tile.image.pixels == written)
        }
    }
}
