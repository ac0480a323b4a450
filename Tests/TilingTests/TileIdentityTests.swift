import Foundation
import GDAL
import Testing
import TileGrid

@testable import Tiling

@Suite("Tile identity")
struct TileIdentityTests {
    static func ids(_ path: String, _ options: TilingOptions = TilingOptions(tileSize: 64)) throws -> Set<TileID> {
        let cutter = try SceneCutter(path: path, options: options)
        return Set(cutter.layout.indices.map(cutter.tileID))
    }

    @Test func isOfTheContentAndNotOfTheName() throws {
        let folder = try TemporaryFolder()
        try TestScene().write(to: folder.file("a.tif"))
        try FileManager.default.copyItem(atPath: folder.file("a.tif"), toPath: folder.file("b.tif"))
        #expect(try Self.ids(folder.file("a.tif")) == Self.ids(folder.file("b.tif")))
        #expect(try Self.ids(folder.file("a.tif")).count == 6)
    }

    @Test func changesWithWhatThePixelsDependOn() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.tif")
        try TestScene().write(to: path)
        var seen = try Self.ids(path)
        for options in [
            TilingOptions(tileSize: 64, bands: .indices([3, 2, 1])), TilingOptions(tileSize: 64, grid: .utm(resolution: 10)),
            TilingOptions(tileSize: 64, stretch: .range(low: 0, high: 200)), TilingOptions(tileSize: 32),
        ] {
            let ids = try Self.ids(path, options)
            #expect(seen.isDisjoint(with: ids), "\(options.canonicalText)")
            seen.formUnion(ids)
        }
    }

    /// The corner that windows count from depends on the step.
    @Test(arguments: [TileGridKind.utm(resolution: 10), .webMercator(resolution: nil)])
    func isOfOnePlaceAlone(_ grid: TileGridKind) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.tif")
        try TestScene(width: 300, height: 300, geoTransform: [501_000, 10, 0, 5_100_000, 0, -10]).write(to: path)
        var places: [TileID: Set<GeoTransform>] = [:]
        for (size, overlap) in [(64, 0), (64, 32), (64, 16), (64, 8), (32, 0), (48, 16)] {
            let cutter = try SceneCutter(path: path, options: TilingOptions(tileSize: size, overlap: overlap, grid: grid))
            for index in cutter.layout.indices {
                places[cutter.tileID(index), default: []].insert(cutter.info.grid.geoTransform.translated(to: cutter.layout[index]))
            }
        }
        #expect(places.values.allSatisfy { $0.count == 1 })
    }

    @Test func doesNotChangeWithWhatOnlySelects() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.tif")
        try TestScene().write(to: path)
        let ids = try Self.ids(path)
        #expect(try Self.ids(path, TilingOptions(tileSize: 64, bands: .indices([1, 2, 3]), minValid: 0.9)) == ids)
        #expect(try Self.ids(path, TilingOptions(tileSize: 64, stretch: .none, cloud: CloudMask(band: 1, test: .bits([1])))) == ids)
    }

    @Test func ofTheSameBytesUnderAnotherWorldFileIsAnother() throws {
        let folder = try TemporaryFolder()
        for name in ["a", "b", "c"] {
            let scene = TestScene(geoTransform: nil)
            try scene.write(to: folder.file("\(name).tif"))
            try folder.write("\(name).tfw", "10\n0\n0\n-10\n\(name == "b" ? 600_000 : 500_000)\n5100000\n")
        }
        let (a, b, c) = (
            try SceneFingerprint(path: folder.file("a.tif")), try SceneFingerprint(path: folder.file("b.tif")),
            try SceneFingerprint(path: folder.file("c.tif")))
        #expect(a.sha256 != b.sha256)
        #expect(a.sha256 == c.sha256)
    }

    @Test func ofAFileAloneIsItsSHA256() throws {
        // sha256sum Tests/TilingTests/Fixtures/rgb8.tif
        let path = References.folder + "/rgb8.tif"
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/sha256sum")
        process.arguments = [path]
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let fingerprint = try SceneFingerprint(path: path)
        #expect(fingerprint.sha256 == text.prefix(64))
        #expect(fingerprint.size == 13998)
    }

    @Test func survivesARunThatWasInterrupted() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.tif")
        try TestScene(dataType: .uint16).write(to: path)
        let options = TilingOptions(tileSize: 32)
        let first = try SceneCutter(path: path, options: options)
        let again = try SceneCutter(path: path, options: options, known: first.info)
        #expect(again.info == first.info)
        guard case .tile(let one) = try first.cut(7), case .tile(let two) = try again.cut(7) else {
            return #expect(Bool(false))
        }
        #expect(one.id == two.id && one.image == two.image && one.footprint == two.footprint)
    }
}
