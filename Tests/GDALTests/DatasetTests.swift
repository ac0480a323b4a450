import Foundation
import GDAL
import Testing

@Suite("Datasets")
struct DatasetTests {
    static func temporary(_ name: String) -> String { NSTemporaryDirectory() + "tilescout-gdal-\(UUID().uuidString)-\(name)" }

    @Test(arguments: [
        ("/no/such/file.tif", "No such file"), ("", "not a path"), ("/vsicurl/http://localhost/a.tif", "network"),
        ("/vsizip//vsis3/bucket/a.zip/a.tif", "network"), ("https://localhost/a.tif", "network"),
        ("<GDAL_WMS><Service name=\"TMS\"/></GDAL_WMS>", "cannot open scene"),
    ])
    func refuseWhatIsNoLocalRaster(_ path: String, _ reason: String) {
        let error = #expect(throws: GDALError.self) { try Dataset(path: path) }
        #expect(error?.operation == "open scene")
        #expect(error?.description.contains(reason) == true)
    }

    @Test func sayWhatGDALSays() throws {
        let path = Self.temporary("text.tif")
        try "no raster".write(toFile: path, atomically: false, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let error = #expect(throws: GDALError.self) { try Dataset(path: path) }
        #expect(error?.description == "cannot open scene \(path): not recognized as a supported file format. (GDAL 4)")
    }

    @Test func readBackWhatWasWritten() throws {
        let path = Self.temporary("written.tif")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let region = RasterRegion(x: 0, y: 0, width: 5, height: 4)
        let samples = (0..<20).map { Int16($0 * 100 - 1000) }
        do {
            let writer = try RasterWriter(path: path, width: 5, height: 4, bands: 2, dataType: .int16)
            try writer.setGeoTransform([10, 0.5, 0, 60, 0, -0.5])
            try writer.setSpatialReference(SpatialReference("EPSG:4326"))
            try writer.setNoData(-1000, band: 1)
            try writer.setDescription("red edge", band: 2)
            try writer.write(samples, region: region, band: 2)
            try writer.close()
        }
        let dataset = try Dataset(path: path)
        #expect(dataset.driver == "GTiff" && dataset.width == 5 && dataset.height == 4 && dataset.bandCount == 2)
        #expect(dataset.geoTransform == [10, 0.5, 0, 60, 0, -0.5])
        #expect(dataset.spatialReference?.authorityCode == "EPSG:4326")
        #expect(dataset.files == [path])
        let band = try dataset.band(2)
        #expect(band.description == "red edge" && band.noData == -1000 && band.maskFlags == .noData)
        var floats = [Float](repeating: 0, count: 6)
        try dataset.read(
            RasterRegion(x: 1, y: 2, width: 3, height: 2), bands: [2], into: &floats,
            layout: .bandSequential(width: 3, height: 2))
        #expect(floats == [100, 200, 300, 600, 700, 800])
        #expect(throws: GDALError.self) { try dataset.band(3) }
        #expect(throws: GDALError.self) {
            try dataset.read(
                RasterRegion(x: 3, y: 0, width: 3, height: 1), bands: [1], into: &floats,
                layout: .bandSequential(width: 3, height: 1))
        }
    }

    @Test func keepXBeforeY() throws {
        let transformation = try CoordinateTransformation(
            from: SpatialReference("EPSG:32633"), to: .wgs84())
        var (x, y) = ([500_000.0], [0.0])
        transformation.transform(x: &x, y: &y)
        #expect(abs(x[0] - 15) < 1e-9 && abs(y[0]) < 1e-9)
    }

    @Test func giveInfinityForWhatHasNoPlace() throws {
        let disk = try SpatialReference("+proj=geos +lon_0=0 +h=35785831 +sweep=x +ellps=GRS80")
        let transformation = try CoordinateTransformation(from: disk, to: .wgs84())
        var (x, y) = ([0, 5_500_000.0], [0, 5_500_000.0])
        transformation.transform(x: &x, y: &y)
        #expect(abs(x[0]) < 1e-9 && x[1] == .infinity)
    }

    @Test func boundTheBlockCache() {
        #expect(GDALRuntime.blockCacheBytes <= 256 << 20)
        #expect(GDALRuntime.version.hasPrefix("3."))
    }
}
