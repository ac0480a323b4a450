import Foundation
import GDAL
import Testing

@testable import Tiling

@Suite("Acquisition times")
struct AcquisitionTests {
    static func iso(_ date: Date) -> String { date.formatted(.iso8601) }

    @Test(arguments: [
        ("m_4709963_se_14_1_20170827", "2017-08-27T00:00:00Z", Acquisition.Precision.day),
        ("sent2_L2A_2024-08-24", "2024-08-24T00:00:00Z", .day), ("a_2024_08_24_b", "2024-08-24T00:00:00Z", .day),
        ("LC08_L1TP_198029_20220331_20220406_02_T1_B2", "2022-03-31T00:00:00Z", .day),
        ("LC08_L1TP_198012_20220331_B2", "2022-03-31T00:00:00Z", .day),
        ("S2A_MSIL2A_20170831T170901_N0205", "2017-08-31T17:09:01Z", .second),
        ("20170831_172754_101c_3B_AnalyticMS", "2017-08-31T17:27:54Z", .second),
        ("MOD09GA.A2020060.h18v04", "2020-02-29T00:00:00Z", .day), ("colorado_201404_13SED190110", "2014-04-01T00:00:00Z", .month),
        ("landsat_1985", "1985-01-01T00:00:00Z", .year), ("20230715103000-x", "2023-07-15T10:30:00Z", .second),
    ])
    func areReadFromFileNames(_ name: String, _ instant: String, _ precision: Acquisition.Precision) {
        let found = FileNameDate.parse(name)
        #expect(found.map { Self.iso($0.instant) } == instant)
        #expect(found?.precision == precision)
    }

    @Test(arguments: ["RGB.byte", "rgb1", "cog_uint8_rgb", "tile_12345678", "x_20171331", "x_20170231", "scene2048", "a_4096", "1985", "12_3456"])
    func areNotInventedFromOtherNumbers(_ name: String) {
        #expect(FileNameDate.parse(name) == nil)
    }

    @Test(arguments: [
        ("2017:08:31 17:09:22", "2017-08-31T17:09:22Z"), ("2017-08-31T17:09:22Z", "2017-08-31T17:09:22Z"),
        ("2017-08-31T19:09:22.4+02:00", "2017-08-31T17:09:22Z"), ("20170831170922", "2017-08-31T17:09:22Z"),
        ("2017-08-31", "2017-08-31T00:00:00Z"), ("\"2017-08-31T17:09:22.4Z\"", "2017-08-31T17:09:22Z"),
        ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z"), ("2000-02-29", "2000-02-29T00:00:00Z"),
    ])
    func areParsed(_ text: String, _ instant: String) {
        let parsed = TimeText.parse(text)?.instant
        #expect(parsed.map { Self.iso(Date(timeIntervalSince1970: $0.timeIntervalSince1970.rounded(.down))) } == instant)
    }

    @Test(arguments: ["", "yesterday", "2017", "0000:00:00 00:00:00", "2017-02-30", "1900-02-29", "2017-08-31T25:00:00Z", "2017-08-31x"])
    func thatAreNoneAreRefused(_ text: String) {
        #expect(TimeText.parse(text) == nil)
    }

    /// Every source is there; the first in the documented order wins, and the next one when it is taken away.
    @Test func comeFromTheFirstSourceThatHasOne() throws {
        let folder = try TemporaryFolder()
        func acquired(_ metadata: [String: String]) throws -> Acquisition? {
            let path = folder.file("site_20200105.tif")
            try? FileManager.default.removeItem(atPath: path)
            try TestScene(metadata: metadata).write(to: path)
            return try SceneCutter(path: path, options: TilingOptions()).info.acquired
        }
        let tag = ["TIFFTAG_DATETIME": "2020:01:01 10:00:00"]
        let landsat = ["DATE_ACQUIRED": "2020-01-02", "SCENE_CENTER_TIME": "10:11:12.5Z"]
        try folder.write(
            "item.json",
            #"{"type":"Feature","properties":{"datetime":"2020-01-03T10:00:00Z"},"assets":{"B1":{"href":"./site_20200105.tif"}}}"#)
        try folder.write(
            "other.json",
            #"{"type":"Feature","properties":{"datetime":"2020-01-09T10:00:00Z"},"assets":{"B1":{"href":"./site.tif"}}}"#)
        #expect(try acquired(tag.merging(landsat) { $1 })?.source == .tiffTag)
        let second = try acquired(landsat)
        #expect(second?.source == .metadata && second?.origin == "DATE_ACQUIRED")
        #expect(second.map { $0.instant.timeIntervalSince1970 } == 1_577_959_872.5)
        let third = try acquired([:])
        #expect(third?.source == .stacItem && third?.origin == "item.json")
        try folder.write("site_20200105.json", #"{"properties":{"acquired":"2020-01-04T10:00:00Z"}}"#)
        #expect(try acquired([:])?.source == .sidecar)
        for name in ["item.json", "site_20200105.json"] {
            try FileManager.default.removeItem(atPath: folder.file(name))
        }
        #expect(try acquired([:])?.source == .fileName)
    }
}
