import Foundation
import GDAL
import Testing
import TileGrid

@testable import Tiling

/// Real rasters of the field's own test suites, and broken ones.
@Suite(
    "Real and malformed scenes",
    .enabled(if: SharedData.isThere, "no scenes at \(SharedData.root): set TILESCOUT_SHARED_DATA to run these"))
struct SharedSceneTests {
    /// Scenes that have no place on the Earth, and must say so.
    static let refused: Set<String> = ["rasterio_float_nan.tif", "rasterio_rotated.tif"]

    /// Scenes without a tile of 128 pixels that is a tenth valid: rasterio's dataset_mask says the same.
    static let nearlyEmpty: Set<String> = ["riotiler_cog_gradient.tif", "riotiler_inverted_lat.tif"]

    @Test(arguments: SharedData.files(in: "scenes").filter { $0.hasSuffix(".tif") })
    func sceneIsCutOrRefusedForAReason(_ path: String) throws {
        let name = (path as NSString).lastPathComponent
        let cutter: SceneCutter
        do {
            cutter = try SceneCutter(path: path, options: TilingOptions(tileSize: 128, minValid: 0.1))
        } catch let error as TilingError {
            #expect(Self.refused.contains(name), "\(error)")
            #expect(error.code == .notGeoreferenced)
            return
        }
        #expect(!Self.refused.contains(name))
        let pixels = cutter.layout.rasterWidth * cutter.layout.rasterHeight
        // The scene of 648 million pixels would take minutes in a debug build: every 50th tile.
        let step = pixels > 100_000_000 ? 50 : 1
        var valid = 0.0
        for index in stride(from: 0, to: cutter.layout.count, by: step) {
            switch try cutter.cut(index) {
            case .tile(let tile):
                valid += Double(tile.validFraction)
                #expect(!tile.footprint.polygons.isEmpty && tile.footprint.planarArea > 0)
                #expect(tile.footprint.polygons.joined().allSatisfy { abs($0.x) <= 180 && abs($0.y) <= 90 })
            case .skipped: break
            }
        }
        #expect(cutter.info.groundSampleDistance > 0)
        #expect(valid > 0 || Self.nearlyEmpty.contains(name))
    }

    @Test(arguments: SharedData.files(in: "malformed"))
    func malformedFileEndsAsTilesOrANamedError(_ path: String) throws {
        do {
            let cutter = try SceneCutter(path: path, options: TilingOptions(minValid: 0))
            let totals = cutter.cutAll()
            #expect(totals.tiles + totals.skipped + totals.failed == cutter.layout.count)
        } catch let error as TilingError {
            #expect(error.description.hasPrefix("cannot "))
            #expect(error.thing.contains((path as NSString).lastPathComponent))
        }
    }

    @Test func datesAreInTheNamesOfOnePlace() throws {
        let dates = try SharedData.files(in: "scenes").filter { $0.contains("m_4709963_se_14_1") }.map { path in
            try SceneCutter(path: path, options: TilingOptions()).info.acquired?.instant.formatted(.iso8601.year().month().day())
        }
        #expect(dates == ["2010-06-29", "2014-07-20", "2017-08-27", "2020-08-31"])
    }

    @Test func datesOfOnePlaceLineUpOnACommonGrid() throws {
        let corners = try SharedData.files(in: "scenes").filter { $0.contains("m_4709963_se_14_1") }.map { path in
            let cutter = try SceneCutter(path: path, options: TilingOptions(grid: .utm(resolution: nil), minValid: 0.9))
            return Set(try cutter.layout.indices.compactMap { index -> String? in
                guard case .tile(let tile) = try cutter.cut(index) else { return nil }
                return "\(tile.geoTransform.c0) \(tile.geoTransform.c3)"
            })
        }
        #expect(corners.count == 4 && corners.allSatisfy { $0 == corners[0] && !$0.isEmpty })
    }
}
