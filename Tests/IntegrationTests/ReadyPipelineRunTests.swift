import Foundation
import GDAL
import PostgreSQL
import TestCluster
import TileStore
import Testing

/// Each pipeline that comes with Tilescout, over an archive laid out as its product is delivered: files, folders, names, sample
/// types and resolutions as they are, pixels generated.
@Suite("Ready pipelines, run", .serialized)
final class ReadyPipelineRunTests {
    /// A pipeline of the repository with its folders moved, and nothing else changed.
    private func night(_ name: String) throws -> Night {
        let night = try Night()
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("pipelines/\(name).yaml")
        var text = try String(contentsOf: file, encoding: .utf8)
        for (from, to) in [
            ("/data/", night.archive.path + "/"), ("/var/lib/tilescout", night.folder.path), ("/var/lib/prometheus/node-exporter", night.folder.path),
        ] { text = text.replacingOccurrences(of: from, with: to) }
        try text.write(toFile: night.pipeline, atomically: true, encoding: .utf8)
        return night
    }

    /// A raster whose samples `value` gives, for a band from 1, a column and a row. Its corner is one of tiles of 256 pixels of 10 m
    /// and of 30 m.
    private func write(
        _ path: String, size: Int, resolution: Double, epsg: Int = 32632, west: Double = 606_720, north: Double = 5_107_200, bands: Int = 1,
        type: DataType = .uint8, options: [String] = [], noData: Double? = nil, value: (Int, Int, Int) -> Double
    ) throws {
        try FileManager.default.createDirectory(atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        let isJPEG2000 = path.hasSuffix(".jp2")
        let tiff = isJPEG2000 ? path + ".tif" : path
        let writer = try RasterWriter(path: tiff, width: size, height: size, bands: bands, dataType: type, options: options)
        try writer.setGeoTransform([west, resolution, 0, north, 0, -resolution])
        try writer.setSpatialReference(SpatialReference("EPSG:\(epsg)"))
        for band in 1...bands {
            if let noData { try writer.setNoData(noData, band: band) }
            if bands == 4, options.contains("ALPHA=YES"), band == 4 { try writer.setColorInterpretation(.alpha, band: 4) }
            let samples = (0..<size * size).map { value(band, $0 % size, $0 / size) }
            try writer.write(samples, region: RasterRegion(x: 0, y: 0, width: size, height: size), band: band)
        }
        try writer.close()
        guard isJPEG2000 else { return }
        try GeneratedScene.run("gdal_translate", ["-q", "-of", "JP2OpenJPEG", "-co", "REVERSIBLE=YES", "-co", "QUALITY=100", tiff, path])
        for file in [tiff, path + ".aux.xml"] { unlink(file) }
    }

    /// Something that differs from place to place and from band to band.
    private func look(_ band: Int, _ x: Int, _ y: Int) -> Double { Double(40 + (x * (band + 1) + y * 3) % 180) }

    private struct Tile: Equatable {
        var scene: String
        var date: String?
        var bands, size: Int
        var cloud: Float?
    }

    private func tiles(_ night: Night) throws -> [Tile] {
        try night.store.connection.query(
            """
            SELECT s.path, to_char(s.acquired_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS date, s.band_count, t.width, t.cloud_fraction \
            FROM tilescout.tiles AS t JOIN tilescout.scenes AS s ON s.id = t.scene_id ORDER BY s.path, t.width, t.y, t.x
            """
        ).map {
            Tile(
                scene: (try $0["path"] as String as NSString).lastPathComponent, date: try $0["date"], bands: try $0["band_count"], size: try $0["width"],
                cloud: try $0["cloud_fraction"])
        }
    }

    /// Runs it twice: the second night has nothing to do.
    private func expectNight(_ night: Night, scenes: Int, outcome: String = "published", sourceLocation: SourceLocation = #_sourceLocation) throws {
        let ended = try night.run()
        let report = try #require(ended.report, "\(ended.error)", sourceLocation: sourceLocation)
        #expect(ended.status == 0 && report.outcome == outcome && report.scenes.ingested == scenes && report.reconciles, "\(report.failures) \(ended.error)", sourceLocation: sourceLocation)
        if outcome == "ready" { #expect(try night.program.run(["publish", "\(report.run)"]).status == 0, sourceLocation: sourceLocation) }
        #expect(try night.run().report?.scenes.unchanged == scenes, sourceLocation: sourceLocation)
    }

    @Test("sentinel-2-l2a-safe: the true-colour image of each product, 10 m, with clouds of its classification, 20 m")
    func safe() throws {
        let night = try night("sentinel-2-l2a-safe")
        for (product, sensed, cloudy) in [("20210602T140049", "20210602T101559", 0.25), ("20210607T135015", "20210607T101601", 0)] {
            let granule = night.path("sentinel-2/S2A_MSIL2A_\(sensed)_N0300_R065_T32TQM_\(product).SAFE/GRANULE/L2A_T32TQM_A031050_\(sensed)")
            let stem = "T32TQM_\(sensed)"
            for (resolution, size, bands) in [(10, 256, ["AOT", "B02", "B03", "B04", "B08", "WVP"]), (20, 128, ["B05", "B8A", "B12"]), (60, 43, ["B01", "B09"])] {
                for band in bands {
                    try write("\(granule)/IMG_DATA/R\(resolution)m/\(stem)_\(band)_\(resolution)m.jp2", size: size, resolution: Double(resolution), type: .uint16) { look($0, $1, $2) * 10 }
                }
                try write("\(granule)/IMG_DATA/R\(resolution)m/\(stem)_TCI_\(resolution)m.jp2", size: size, resolution: Double(resolution), bands: 3, value: look)
                if resolution > 10 {
                    // 8 and 9 are cloud, 4 is vegetation.
                    try write("\(granule)/IMG_DATA/R\(resolution)m/\(stem)_SCL_\(resolution)m.jp2", size: size, resolution: Double(resolution)) { _, x, y in
                        Double(y) < Double(size) * cloudy ? (x % 2 == 0 ? 8 : 9) : 4
                    }
                }
            }
            try write("\(granule)/QI_DATA/MSK_CLDPRB_20m.jp2", size: 128, resolution: 20) { _, _, _ in 7 }
            try write("\(granule)/QI_DATA/\(stem)_PVI.jp2", size: 86, resolution: 30, bands: 3, value: look)
            try Data("<xml/>".utf8).write(to: URL(fileURLWithPath: "\(granule)/MTD_TL.xml"))
        }
        try expectNight(night, scenes: 2)
        let all = try tiles(night)
        #expect(Set(all.map(\.date)) == ["2021-06-02 10:15", "2021-06-07 10:16"] && all.allSatisfy { $0.bands == 4 && $0.size == 256 }, "\(all)")
        #expect(all.map(\.cloud) == [0.25, 0], "\(all)")
    }

    @Test("sentinel-2-l2a-cog: bands called B04.tif in a folder that has the date", arguments: ["", "S2A_36QWD_20200701_0_L2A_"])
    func cog(prefix: String) throws {
        let night = try night("sentinel-2-l2a-cog")
        for (day, cloudy) in [(1, 0.0), (4, 0.5)] {
            let folder = night.path("sentinel-2-cogs/36/Q/WD/2020/7/S2A_36QWD_2020070\(day)_0_L2A")
            let prefix = prefix.replacingOccurrences(of: "20200701", with: "2020070\(day)")
            for band in ["B02", "B03", "B04", "B08"] { try write("\(folder)/\(prefix)\(band).tif", size: 256, resolution: 10, epsg: 32636, type: .uint16, noData: 0) { look($0, $1, $2) * 10 } }
            for band in ["B05", "AOT"] { try write("\(folder)/\(prefix)\(band).tif", size: 128, resolution: 20, epsg: 32636, type: .uint16, noData: 0) { look($0, $1, $2) * 10 } }
            try write("\(folder)/\(prefix)SCL.tif", size: 128, resolution: 20, epsg: 32636, noData: 0) { _, x, _ in Double(x) < 128 * cloudy ? 3 : 5 }
            try write("\(folder)/\(prefix)TCI.tif", size: 256, resolution: 10, epsg: 32636, bands: 3, noData: 0, value: look)
            try write("\(folder)/L2A_PVI.tif", size: 8, resolution: 320, epsg: 32636, bands: 3, value: look)
            try Data("{}".utf8).write(to: URL(fileURLWithPath: "\(folder)/S2A_36QWD_2020070\(day)_0_L2A.json"))
        }
        try expectNight(night, scenes: 2)
        let all = try tiles(night)
        #expect(all.map(\.date) == ["2020-07-01 00:00", "2020-07-04 00:00"] && all.allSatisfy { $0.bands == 4 && $0.size == 256 }, "\(all)")
        #expect(all.map(\.cloud) == [0, 0.5], "\(all)")
        #expect(all.allSatisfy { $0.scene.hasPrefix("S2A_36QWD_2020070") }, "\(all)")
    }

    @Test("landsat-c2: surface reflectance with clouds of QA_PIXEL's bits")
    func landsat() throws {
        let night = try night("landsat-c2")
        for (sensor, number) in [("LC08", 8), ("LC09", 9)] {
            let product = "\(sensor)_L2SP_191031_2022060\(number)_20220612_02_T1"
            let folder = night.path("landsat/\(product)")
            for band in 1...7 {
                try write("\(folder)/\(product)_SR_B\(band).TIF", size: 256, resolution: 30, type: .uint16, noData: 0) { 7500 + 50 * look($0, $1, $2) }
            }
            // Clear is 21824; dilated cloud, cloud and shadow have bits 1, 3 and 4; snow, bit 5, is none.
            let values: [Double] = [21824, 21824 + 2, 22280, 23888, 21824 + 32, 21824, 21824, 21824]
            try write("\(folder)/\(product)_QA_PIXEL.TIF", size: 256, resolution: 30, type: .uint16, noData: 1) { _, x, _ in number == 8 ? values[x / 32] : 21824 }
            try write("\(folder)/\(product)_QA_RADSAT.TIF", size: 256, resolution: 30, type: .uint16) { _, _, _ in 0 }
            try write("\(folder)/\(product)_ST_B10.TIF", size: 256, resolution: 30, type: .uint16, noData: 0) { _, _, _ in 40_000 }
            for name in ["MTL.txt", "MTL.json", "ANG.txt", "SR_stac.json"] { try Data("{}".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(product)_\(name)")) }
        }
        try expectNight(night, scenes: 2)
        let all = try tiles(night)
        #expect(Set(all.map(\.date)) == ["2022-06-08 00:00", "2022-06-09 00:00"] && all.allSatisfy { $0.bands == 4 && $0.size == 256 }, "\(all)")
        #expect(all.map(\.cloud) == [0.375, 0], "\(all)")
    }

    @Test("naip: quarter quads of four bands, two tile sizes, the date in the name")
    func naip() throws {
        let night = try night("naip")
        for (year, name) in [(2010, "m_4709963_se_14_1_20100629"), (2020, "m_4709963_se_14_060_20200831")] {
            try write(night.path("naip/nd/\(year)/nd_100cm_\(year)/47099/\(name).tif"), size: 512, resolution: 1, epsg: 26914, west: 500_000 + Double(year), bands: 4, value: look)
        }
        try expectNight(night, scenes: 2)
        let all = try tiles(night)
        #expect(Set(all.map(\.date)) == ["2010-06-29 00:00", "2020-08-31 00:00"] && all.allSatisfy { $0.bands == 4 && $0.cloud == nil }, "\(all)")
        #expect(all.filter { $0.size == 256 }.count == 8 && all.filter { $0.size == 512 }.count == 2, "\(all)")
    }

    @Test("drone: centimetre pixels, ragged edges behind alpha, shown when a person publishes it")
    func drone() throws {
        let night = try night("drone")
        try write(
            night.path("drone/field-7/20240517_field7_transparent_mosaic_group1.tif"), size: 1024, resolution: 0.05, bands: 4,
            options: ["ALPHA=YES", "TILED=YES", "COMPRESS=DEFLATE"]
        ) { band, x, y in band == 4 ? (x + y < 500 ? 0 : 255) : self.look(band, x, y) }
        try expectNight(night, scenes: 1, outcome: "ready")
        let all = try tiles(night)
        #expect(all.allSatisfy { $0.date == "2024-05-17 00:00" && $0.bands == 4 && $0.cloud == nil }, "\(all)")
        // The corner at the upper left is half empty: less than 0.7 of it is valid.
        #expect(all.filter { $0.size == 512 }.count == 8 && all.filter { $0.size == 1024 }.count == 1, "\(all)")
    }

    @Test("rgb: any georeferenced picture")
    func rgb() throws {
        let night = try night("rgb")
        try write(night.path("scenes/town_2021-07-01.tif"), size: 300, resolution: 2, bands: 3, value: look)
        try write(night.path("scenes/deep/er/harbour_20230228T101500.tif"), size: 256, resolution: 2, west: 610_000, bands: 3, value: look)
        try expectNight(night, scenes: 2)
        let all = try tiles(night)
        #expect(Set(all.map(\.date)) == ["2021-07-01 00:00", "2023-02-28 10:15"] && all.allSatisfy { $0.bands == 3 && $0.size == 256 }, "\(all)")
        #expect(all.count == 5, "\(all)")
    }
}
