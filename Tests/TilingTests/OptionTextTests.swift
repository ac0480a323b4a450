import Testing

@testable import Tiling

@Suite("Options as text")
struct OptionTextTests {
    @Test(arguments: ["auto", "rgb", "4", "3,2,1"])
    func bandsComeBackAsTheyWere(_ text: String) throws {
        #expect(try BandSelection(parsing: text).canonicalText == text)
    }

    @Test(arguments: ["", "0", "1,2", "1,2,3,4", "a", "1,,3", "-1", "1,2,x"])
    func otherBandsAreRefused(_ text: String) {
        let error = #expect(throws: TilingError.self) { try BandSelection(parsing: text) }
        #expect(error?.code == .invalidOption)
        #expect(error?.description.hasPrefix("cannot use bands “\(text)”: expected") == true)
    }

    @Test func stretchesAreRead() throws {
        #expect(try Stretch(parsing: "auto") == .automatic)
        #expect(try Stretch(parsing: "none") == Stretch.none)
        #expect(try Stretch(parsing: "range:-1,2.5") == .range(low: -1, high: 2.5))
        #expect(try Stretch(parsing: "percentile:2,98") == .percentile(low: 2, high: 98))
        for text in ["auto", "none", "range:-1.0,2.5", "percentile:2.0,98.0"] {
            #expect(try Stretch(parsing: text).canonicalText == text)
        }
    }

    @Test(arguments: ["", "range", "range:1", "range:2,1", "range:1,1", "percentile:-1,98", "percentile:2,101", "range:a,b", "none:1", "range:nan,1"])
    func otherStretchesAreRefused(_ text: String) {
        #expect(throws: TilingError.self) { try Stretch(parsing: text) }
    }

    @Test func cloudMasksAreRead() throws {
        #expect(try CloudMask(parsing: "4:3,8,9,10") == CloudMask(band: 4, test: .classes([3, 8, 9, 10])))
        #expect(try CloudMask(parsing: "5:bits:4,3") == CloudMask(band: 5, test: .bits([3, 4])))
        #expect(CloudMask(band: 1, test: .bits([3])).lookup[8] == 1 && CloudMask(band: 1, test: .bits([3])).lookup[7] == 0)
    }

    @Test(arguments: ["", "4", "0:1", "4:", "4:x", "4:70000", "4:bits:16", "4:other:1", "4:-1"])
    func otherCloudMasksAreRefused(_ text: String) {
        #expect(throws: TilingError.self) { try CloudMask(parsing: text) }
    }

    @Test(arguments: ["scene", "utm", "utm:10.0", "webmercator", "webmercator:9.55"])
    func gridsComeBackAsTheyWere(_ text: String) throws {
        #expect(try TileGridKind(parsing: text).canonicalText == text)
    }

    @Test(arguments: ["", "scene:10", "utm:0", "utm:-3", "utm:nan", "mercator", "utm:x"])
    func otherGridsAreRefused(_ text: String) {
        #expect(throws: TilingError.self) { try TileGridKind(parsing: text) }
    }

    @Test func sizesOutsideTheirRangeAreRefused() {
        for options in [
            TilingOptions(tileSize: 0), TilingOptions(tileSize: 1 << 40), TilingOptions(tileSize: 64, overlap: 64),
            TilingOptions(overlap: -1), TilingOptions(minValid: 1.5), TilingOptions(minValid: .nan),
        ] {
            #expect(throws: TilingError.self) { try options.validate() }
        }
    }
}
