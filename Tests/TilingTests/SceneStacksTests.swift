import Foundation
import GDAL
import Testing

@testable import Tiling

/// Files that make one scene: which, under what name, and what becomes of a stack whose files are not all there.
@Suite("Scene stacks")
struct SceneStacksTests {
    private let folder: TemporaryFolder
    private let archive, stackFolder: String

    init() throws {
        folder = try TemporaryFolder()
        let root = (folder.path as NSString).resolvingSymlinksInPath
        (archive, stackFolder) = (root + "/archive", root + "/stacks")
        try FileManager.default.createDirectory(atPath: archive, withIntermediateDirectories: true)
    }

    private func add(_ names: String..., resolution: Double = 10, bands: Int = 1) throws {
        for name in names {
            let path = archive + "/" + name
            try FileManager.default.createDirectory(atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            try TestScene(
                width: Int(1500 / resolution), height: Int(1100 / resolution), bands: bands, geoTransform: [500_000, resolution, 0, 5_100_000, 0, -resolution]
            ).write(to: path)
        }
    }

    private func stacked(_ bands: String..., owner: String = "p", problems: [SceneDiscovery.Problem] = []) throws -> SceneDiscovery {
        var discovery = try discoverScenes([archive])
        discovery.problems += problems
        discovery.candidates.removeAll { candidate in problems.contains { candidate.path.hasPrefix($0.path + "/") } }
        return try SceneStacks(bands: bands, folder: stackFolder, owner: owner).stacked(discovery, sources: [archive])
    }

    /// A name without the folder's digest.
    private func names(_ discovery: SceneDiscovery) -> [String] {
        discovery.candidates.map { (($0.path as NSString).lastPathComponent as NSString).deletingPathExtension }.map { String($0.dropLast(13)) }
    }

    @Test("A set is called as its stars say, or as its folder where only that has the date")
    func naming() throws {
        try add("S2A_36QWD_20200701_0_L2A/B04.tif", "S2A_36QWD_20200701_0_L2A/SCL.tif", "plain/a_20210602_B04.tif", "plain/a_20210602_SCL.tif")
        try add("2019-05-01/left_B04.tif", "2019-05-01/left_SCL.tif", "2019-05-01/right_B04.tif", "2019-05-01/right_SCL.tif", "undated/x_B04.tif", "undated/x_SCL.tif")
        let found = try stacked("*B04.tif", "*SCL.tif")
        #expect(Set(names(found)) == ["S2A_36QWD_20200701_0_L2A", "a_20210602", "2019-05-01_left", "2019-05-01_right", "x"])
        #expect(found.problems.isEmpty)
        #expect(try stacked("*B04.tif", "*SCL.tif").candidates == found.candidates)
    }

    @Test("Files in folders beside each other are one scene, at the finest pixels, with all bands of each")
    func folders() throws {
        try add("IMG/R10m/T_20210602_TCI.tif", bands: 3)
        try add("IMG/R20m/T_20210602_SCL.tif", resolution: 20)
        try add("IMG/R20m/T_20210602_TCI.tif", resolution: 20, bands: 3)
        let found = try stacked("R10m/*_TCI.tif", "R20m/*_SCL.tif")
        #expect(names(found) == ["T_20210602"] && found.problems.isEmpty)
        let dataset = try Dataset(path: try #require(found.candidates.first).path)
        #expect(dataset.bandCount == 4 && dataset.width == 150 && dataset.height == 110)
        var samples = [UInt8](repeating: 0, count: 8)
        try dataset.read(RasterRegion(x: 0, y: 0, width: 4, height: 2), bands: [4], into: &samples, layout: BufferLayout(pixelStride: 1, lineStride: 4, bandStride: 8))
        // Nearest neighbour: each coarse pixel twice across and down.
        let coarse = [0, 0, 1, 1].map { UInt8(TestScene.value($0, 0, band: 1)) }
        #expect(samples == coarse + coarse)
    }

    @Test("A pattern that says more of a name takes the file")
    func specific() throws {
        try add("a.tif", "a_mask.tif", "b.tif", "b_mask.tif")
        #expect(try names(stacked("*.tif", "*_mask.tif")) == ["a", "b"])
    }

    @Test("Whatever band is missing, the scene is named, and its stack stays until all are gone", arguments: ["4", "3", "2"])
    func missing(band: String) throws {
        try add("L_20210602_B4.tif", "L_20210602_B3.tif", "L_20210602_B2.tif", "L_20210603_B4.tif", "L_20210603_B3.tif", "L_20210603_B2.tif")
        func found() throws -> SceneDiscovery { try stacked("*_B4.tif", "*_B3.tif", "*_B2.tif") }
        let both = try found()
        #expect(both.candidates.count == 2)
        try FileManager.default.removeItem(atPath: archive + "/L_20210602_B\(band).tif")
        let one = try found()
        #expect(one.candidates.count == 1 && one.problems.map(\.path) == [archive + "/L_20210602_B4.tif"])
        #expect(one.problems.first?.reason == "\(archive)/L_20210602_B\(band).tif is missing")
        #expect(FileManager.default.fileExists(atPath: both.candidates[0].path))
        // Down to one that is not even the first.
        for other in ["4", "3"] { try? FileManager.default.removeItem(atPath: archive + "/L_20210602_B\(other).tif") }
        if band != "2" {
            #expect(try found().problems.count == 1 && FileManager.default.fileExists(atPath: both.candidates[0].path))
            try FileManager.default.removeItem(atPath: archive + "/L_20210602_B2.tif")
        }
        // It stays until that is settled, and says where its files lay.
        for _ in 0..<2 {
            let none = try found()
            #expect(none.problems.isEmpty && none.formerStacks == [both.candidates[0].path])
            #expect(none.firstParts == both.firstParts && none.firstParts[both.candidates[0].path] == archive + "/L_20210602_B4.tif")
        }
    }

    @Test("A folder that cannot be read keeps its stacks; other files and other pipelines' stacks are left alone")
    func kept() throws {
        try add("one/L_20210602_B4.tif", "one/L_20210602_B3.tif", "two/L_20210603_B4.tif", "two/L_20210603_B3.tif")
        let all = try stacked("*_B4.tif", "*_B3.tif")
        try "<VRTDataset/>".write(toFile: stackFolder + "/mine.vrt", atomically: true, encoding: .utf8)
        let hidden = SceneDiscovery.Problem(path: archive + "/one", reason: "permission denied")
        let less = try stacked("*_B4.tif", "*_B3.tif", problems: [hidden])
        #expect(less.candidates == [all.candidates[1]] && less.problems == [hidden])
        #expect(all.candidates.allSatisfy { FileManager.default.fileExists(atPath: $0.path) })
        // Another pipeline's patterns fit nothing of the first, and remove nothing of it.
        try add("three/x_A.tif", "three/x_B.tif")
        #expect(try stacked("*_A.tif", "*_B.tif", owner: "q").candidates.count == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: stackFolder).count == 4)
    }

    @Test("Two sets whose names come out the same: one is a scene, the other is named")
    func sameName() throws {
        try add("x_B04.tif", "x_SCL.tif", "x__B04.tif", "x__SCL.tif")
        let found = try stacked("*B04.tif", "*SCL.tif")
        #expect(found.candidates.count == 1 && found.problems.count == 1 && found.problems[0].reason.contains("the same name"))
    }

    @Test("No file is called as a band is: the first one found and the patterns are named")
    func noneFits() throws {
        try add("preview.tif")
        let error = #expect(throws: TilingError.self) { try stacked("*_B4.tif", "*_B3.tif") }
        #expect(error?.reason.contains("*_B4.tif, *_B3.tif") == true)
    }
}
