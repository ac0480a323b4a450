import Foundation
import GDAL
import Testing

@testable import Tiling

/// An archive that strangers can write to shows nothing but itself: every way that GDAL knows of naming another file.
@Suite("Confinement")
struct ConfinementTests {
    /// Two folders beside each other: `archive`, which scenes may lie in, and `outside`, of which nothing may be seen.
    private final class Place {
        let folder: TemporaryFolder
        let archive, secret: String

        init() throws {
            folder = try TemporaryFolder()
            let root = (folder.path as NSString).resolvingSymlinksInPath
            archive = root + "/archive"
            secret = root + "/outside/secret.tif"
            for name in ["archive", "outside"] { try FileManager.default.createDirectory(atPath: root + "/" + name, withIntermediateDirectories: true) }
            try TestScene().write(to: secret)
            try TestScene().write(to: archive + "/good.tif")
        }

        func write(_ name: String, _ text: String) throws {
            let path = archive + "/" + name
            try FileManager.default.createDirectory(atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            try text.write(toFile: path, atomically: false, encoding: .utf8)
        }

        /// Cuts the scene's first tile, confined to the archive.
        func cut(_ name: String, grid: TileGridKind = .scene) throws {
            let options = TilingOptions(tileSize: 64, grid: grid, minValid: 0)
            let limits = TilingLimits(confinement: Confinement(roots: [archive]))
            _ = try SceneCutter(path: archive + "/" + name, options: options, limits: limits).cut(0)
        }
    }

    private static let placed = "<SRS>EPSG:32633</SRS><GeoTransform>500000,10,0,5100000,0,-10</GeoTransform>"

    private static func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;").replacingOccurrences(of: "\"", with: "&quot;")
    }

    private static func source(_ name: String, relative: Bool = false, more: String = "") -> String {
        "<SimpleSource><SourceFilename relativeToVRT=\"\(relative ? 1 : 0)\">\(escaped(name))</SourceFilename>\(more)<SourceBand>1</SourceBand></SimpleSource>"
    }

    private static func vrt(_ band: String, after: String = "", attributes: String = "") -> String {
        """
        <VRTDataset rasterXSize="150" rasterYSize="110"\(attributes)>\(placed)<VRTRasterBand dataType="Byte" band="1">\(band)</VRTRasterBand>\(after)</VRTDataset>
        """
    }

    private static func warped(_ name: String) -> String {
        """
        <VRTDataset rasterXSize="150" rasterYSize="110" subClass="VRTWarpedDataset">\(placed)<BlockXSize>64</BlockXSize><BlockYSize>64</BlockYSize>
        <VRTRasterBand dataType="Byte" band="1" subClass="VRTWarpedRasterBand"/><GDALWarpOptions><WarpMemoryLimit>1e7</WarpMemoryLimit><ResampleAlg>NearestNeighbour</ResampleAlg>
        <WorkingDataType>Byte</WorkingDataType><SourceDataset relativeToVRT="0">\(escaped(name))</SourceDataset><Transformer><GenImgProjTransformer>
        <SrcGeoTransform>500000,10,0,5100000,0,-10</SrcGeoTransform><SrcInvGeoTransform>-50000,0.1,0,510000,0,-0.1</SrcInvGeoTransform>
        <DstGeoTransform>500000,10,0,5100000,0,-10</DstGeoTransform><DstInvGeoTransform>-50000,0.1,0,510000,0,-0.1</DstInvGeoTransform>
        </GenImgProjTransformer></Transformer><BandList><BandMapping src="1" dst="1"/></BandList></GDALWarpOptions></VRTDataset>
        """
    }

    /// What GDAL takes for a file's name besides its path.
    @Test("A source that is no plain path inside is refused, whatever it is called", arguments: [
        "SECRET", "GTIFF_DIR:1:SECRET", "GTIFF_RAW:SECRET", "vrt://SECRET?bands=1", "DERIVED_SUBDATASET:AMPLITUDE:SECRET", "/vsisubfile/0_,SECRET",
        "/vsigzip/SECRET.gz", "/vsicurl/file://SECRET", "NETCDF:\"SECRET\":band", "HDF5:\"SECRET\"://band", "ARCHIVE/../outside/secret.tif", "file://SECRET",
        "ARCHIVE/link.tif", "ARCHIVE/folder/secret.tif", "GEOTIFF:1:SECRET", "relative.tif", "INLINE", "MEM:::DATAPOINTER=1,PIXELS=1,LINES=1",
        "<GDAL_WMS><Service name=\"TMS\"><ServerUrl>file://SECRET</ServerUrl></Service></GDAL_WMS>",
    ])
    func sources(pattern: String) throws {
        let place = try Place()
        try FileManager.default.createSymbolicLink(atPath: place.archive + "/link.tif", withDestinationPath: place.secret)
        try FileManager.default.createSymbolicLink(
            atPath: place.archive + "/folder", withDestinationPath: (place.secret as NSString).deletingLastPathComponent)
        let name = pattern.replacingOccurrences(of: "INLINE", with: Self.vrt(Self.source("SECRET")))
            .replacingOccurrences(of: "SECRET", with: place.secret).replacingOccurrences(of: "ARCHIVE", with: place.archive)
        let good = place.archive + "/good.tif"
        let whole = "<SrcRect xOff=\"0\" yOff=\"0\" xSize=\"150\" ySize=\"110\"/><DstRect xOff=\"0\" yOff=\"0\" xSize=\"150\" ySize=\"110\"/>"
        for (form, text) in [
            "simple": Self.vrt(Self.source(name)),
            "complex": Self.vrt(Self.source(name).replacingOccurrences(of: "SimpleSource", with: "ComplexSource")),
            "sized": Self.vrt(Self.source(name, more: "<SourceProperties RasterXSize=\"150\" RasterYSize=\"110\" DataType=\"Byte\"/>" + whole)),
            "attribute": Self.vrt("<SimpleSource SourceFilename=\"\(Self.escaped(name))\"><SourceBand>1</SourceBand></SimpleSource>"),
            "mask": Self.vrt(Self.source(good), after: "<MaskBand><VRTRasterBand dataType=\"Byte\">\(Self.source(name))</VRTRasterBand></MaskBand>"),
            "overview": Self.vrt("<Overview><SourceFilename relativeToVRT=\"0\">\(Self.escaped(name))</SourceFilename><SourceBand>1</SourceBand></Overview>" + Self.source(good)),
            "warped": Self.warped(name),
            "raw": Self.vrt("<SourceFilename relativeToVRT=\"0\">\(Self.escaped(name))</SourceFilename><ImageOffset>8</ImageOffset>")
                .replacingOccurrences(of: "band=\"1\"", with: "band=\"1\" subClass=\"VRTRawRasterBand\""),
        ] {
            try place.write("\(form).vrt", text)
            #expect(throws: TilingError.self, "\(form) of \(name)") { try place.cut("\(form).vrt") }
            // A mask or overviews that are virtual themselves, and a virtual scene that hides in another.
            try FileManager.default.createDirectory(atPath: place.archive + "/\(form)", withIntermediateDirectories: true)
            for suffix in ["msk", "ovr"] {
                let copy = "\(form)/\(suffix).tif"
                try TestScene().write(to: place.archive + "/" + copy)
                try place.write("\(copy).\(suffix)", text)
                #expect(throws: TilingError.self, "\(form) of \(name) in \(suffix)") { try place.cut(copy) }
            }
            try place.write("\(form)/nested.vrt", Self.vrt(Self.source(place.archive + "/\(form).vrt")))
            #expect(throws: TilingError.self, "nested \(form) of \(name)") { try place.cut("\(form)/nested.vrt") }
        }
    }

    @Test("A relative name that leads outside is refused, by the link it passes and by the letters of its name")
    func relative() throws {
        let place = try Place()
        try place.write("a/b/up.vrt", Self.vrt(Self.source("../../../outside/secret.tif", relative: true)))
        #expect(throws: TilingError.self) { try place.cut("a/b/up.vrt") }
        try place.write("a/inside.vrt", Self.vrt(Self.source("../good.tif", relative: true)))
        try place.cut("a/inside.vrt")
        // A link to the file: GDAL looks beside what the link leads to.
        try FileManager.default.createSymbolicLink(atPath: place.archive + "/linked.vrt", withDestinationPath: place.archive + "/a/inside.vrt")
        try place.cut("linked.vrt")
        // A folder that is called like a prefix of GDAL's hides none.
        try place.write("GTIFF_DIR:1:\(place.secret)", "")
        try place.write("prefix.vrt", Self.vrt(Self.source("GTIFF_DIR:1:\(place.secret)", relative: true)))
        #expect(throws: TilingError.self) { try place.cut("prefix.vrt") }
        // ROOT_PATH moves where a nested VRT's relative names begin.
        try place.write("here.vrt", Self.vrt(Self.source("secret.tif", relative: true)))
        let outside = (place.secret as NSString).deletingLastPathComponent
        try place.write("root.vrt", Self.vrt(Self.source(
            place.archive + "/here.vrt", more: "<OpenOptions><OOI key=\"ROOT_PATH\">\(outside)</OOI></OpenOptions>")))
        #expect(throws: TilingError.self) { try place.cut("root.vrt") }
    }

    @Test("Overviews that metadata name are refused outside", arguments: ["GTIFF_DIR:1:SECRET", "SECRET", ":::BASE:::../outside/secret.tif"])
    func overviews(pattern: String) throws {
        let place = try Place()
        let name = pattern.replacingOccurrences(of: "SECRET", with: place.secret)
        try TestScene().write(to: place.archive + "/side.tif")
        try place.write("side.tif.aux.xml", "<PAMDataset><Metadata domain=\"OVERVIEWS\"><MDI key=\"OVERVIEW_FILE\">\(name)</MDI></Metadata></PAMDataset>")
        #expect(throws: TilingError.self) { try place.cut("side.tif", grid: .utm(resolution: 40)) }
        try place.write("of.vrt", Self.vrt(Self.source(place.archive + "/side.tif")))
        #expect(throws: TilingError.self) { try place.cut("of.vrt", grid: .utm(resolution: 40)) }
    }

    @Test("Python, and formats that name their data in another file, are refused by name", arguments: [
        ("pixel.vrt", "<VRTDataset rasterXSize=\"150\" rasterYSize=\"110\">\(placed)<VRTRasterBand dataType=\"Byte\" band=\"1\" subClass=\"VRTDerivedRasterBand\"><PixelFunctionType>f</PixelFunctionType><PixelFunctionLanguage>Python</PixelFunctionLanguage><PixelFunctionCode>def f(): pass</PixelFunctionCode></VRTRasterBand></VRTDataset>"),
        ("service.tif", "<GDAL_WMS><Service name=\"TMS\"><ServerUrl>file://SECRET</ServerUrl></Service><DataWindow><UpperLeftX>0</UpperLeftX><UpperLeftY>10</UpperLeftY><LowerRightX>10</LowerRightX><LowerRightY>0</LowerRightY><SizeX>64</SizeX><SizeY>64</SizeY></DataWindow><Projection>EPSG:4326</Projection></GDAL_WMS>"),
        ("mosaic.mrf", "<MRF_META><Raster><Size x=\"64\" y=\"64\"/><PageSize x=\"64\" y=\"64\"/><Compression>TIF</Compression><DataFile>SECRET</DataFile><IndexFile>SECRET</IndexFile></Raster></MRF_META>"),
        ("arrays.vrt", "<VRTDataset><Group name=\"/\"><Dimension name=\"X\" size=\"2\"/><Array name=\"a\"><DataType>Byte</DataType><DimensionRef ref=\"X\"/><Source><SourceFilename>SECRET</SourceFilename></Source></Array></Group></VRTDataset>"),
    ] as [(String, String)])
    func formats(name: String, text: String) throws {
        let place = try Place()
        try place.write(name, text.replacingOccurrences(of: "SECRET", with: place.secret))
        #expect(throws: TilingError.self) { try place.cut(name) }
    }

    @Test("The whole machine as a folder lets every path in, and still no other name; anywhere lets in all")
    func wholeMachine() throws {
        let place = try Place()
        try place.write("plain.vrt", Self.vrt(Self.source(place.secret)))
        try place.write("prefix.vrt", Self.vrt(Self.source("GTIFF_DIR:1:\(place.secret)")))
        func cut(_ name: String, _ root: String) throws {
            let limits = TilingLimits(confinement: Confinement(roots: [root]))
            _ = try SceneCutter(path: place.archive + "/" + name, options: TilingOptions(tileSize: 64, minValid: 0), limits: limits).cut(0)
        }
        try cut("plain.vrt", "/")
        #expect(throws: TilingError.self) { try cut("prefix.vrt", "/") }
        try cut("prefix.vrt", Confinement.anywhere)
    }

    @Test("What lies inside is cut as ever: mosaics, masks, side files, warped views, links inside")
    func inside() throws {
        let place = try Place()
        let good = place.archive + "/good.tif"
        try place.write("simple.vrt", Self.vrt(Self.source(good), after: "<MaskBand><VRTRasterBand dataType=\"Byte\">\(Self.source(good))</VRTRasterBand></MaskBand>"))
        try place.write("nested.vrt", Self.vrt(Self.source("simple.vrt", relative: true)))
        try place.write("warped.vrt", Self.warped(good))
        try FileManager.default.createSymbolicLink(atPath: place.archive + "/link.tif", withDestinationPath: good)
        var masked = TestScene()
        masked.mask = .outer
        try masked.write(to: place.archive + "/masked.tif")
        try place.write("of-masked.vrt", Self.vrt(Self.source(place.archive + "/masked.tif")))
        for name in ["good.tif", "simple.vrt", "nested.vrt", "warped.vrt", "link.tif", "masked.tif", "of-masked.vrt"] { try place.cut(name) }
        // A stack of ours is one.
        try place.write("stack.vrt", Dataset.stackXML(of: [good, place.archive + "/masked.tif"], formats: Confinement.formats))
        try place.cut("stack.vrt")
    }
}
