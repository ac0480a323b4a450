import Foundation
import Testing

@testable import Tiling

@Suite("Discovery")
struct SceneDiscoveryTests {
    static func names(_ discovery: SceneDiscovery, below folder: TemporaryFolder) -> [String] {
        discovery.candidates.map { String($0.path.dropFirst(folder.path.count + 1)) }
    }

    @Test func findsRastersBelowADirectoryAndPassesOverWhatBelongsToThem() throws {
        let folder = try TemporaryFolder()
        for name in [
            "b.tif", "a/x.TIFF", "a/deep/y.jp2", "b.tif.ovr", "b.tif.msk", "b.tif.aux.xml", "readme.md", ".hidden.tif",
            ".cache/z.tif", "preview.png", "placed.png", "placed.pgw", "item.json",
        ] { try folder.write(name, "") }
        let found = try discoverScenes([folder.path])
        #expect(Self.names(found, below: folder) == ["a/deep/y.jp2", "a/x.TIFF", "b.tif", "placed.png"])
        #expect(found.problems.isEmpty)
        #expect(found.ignoredFiles == 9)
    }

    @Test func takesNamedFilesWhateverTheirName() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("scene.dat", "")
        #expect(try discoverScenes([file]).candidates.map(\.path) == [file])
    }

    @Test func followsPatternsAndLists() throws {
        let folder = try TemporaryFolder()
        for name in ["s1.tif", "s2.tif", "t1.tif", "d/s3.tif", "d/e/s4.tif", "d/e/u4.tif"] { try folder.write(name, "") }
        func matches(_ pattern: String) throws -> [String] {
            Self.names(try discoverScenes([folder.path + "/" + pattern]), below: folder)
        }
        #expect(try matches("s*.tif") == ["s1.tif", "s2.tif"])
        #expect(try matches("[st]1.tif") == ["s1.tif", "t1.tif"])
        #expect(try matches("?[!1].tif") == ["s2.tif"])
        #expect(try matches("**/s*.tif") == ["d/e/s4.tif", "d/s3.tif", "s1.tif", "s2.tif"])
        #expect(try matches("d*") == ["d/e/s4.tif", "d/e/u4.tif", "d/s3.tif"])
        let list = try folder.write("scenes.txt", "# mine\ns1.tif\n\nd/s3.tif\ngone.tif\n")
        let found = try discoverScenes(["@" + list])
        #expect(Self.names(found, below: folder) == ["d/s3.tif", "s1.tif"])
        #expect(found.problems.map(\.reason) == ["no such file or directory"])
    }

    @Test func takesEachFileOnceAndSurvivesLoops() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("a/one.tif", "")
        let manager = FileManager.default
        try manager.createSymbolicLink(atPath: folder.file("a/again.tif"), withDestinationPath: file)
        try manager.createSymbolicLink(atPath: folder.file("a/loop"), withDestinationPath: folder.path)
        try manager.createSymbolicLink(atPath: folder.file("a/gone.tif"), withDestinationPath: "/no/such/file")
        let found = try discoverScenes([folder.path, folder.path + "/a", file])
        #expect(found.candidates.count == 1)
        #expect(found.problems.map(\.path) == [folder.file("a/gone.tif")])
        #expect(found.problems.first?.reason == "the link leads nowhere")
    }

    @Test func filesOfAnyTimeAreTaken() throws {
        let folder = try TemporaryFolder()
        for year in ["1850", "2300"] {
            let path = try folder.write("\(year).tif", "no raster")
            let seconds = (Double(year)! - 1970) * 365.2425 * 86400
            var times = [timespec(tv_sec: Int(seconds), tv_nsec: 0), timespec(tv_sec: Int(seconds), tv_nsec: 0)]
            #expect(utimensat(AT_FDCWD, path, &times, 0) == 0)
        }
        let stamps = try discoverScenes([folder.path]).candidates.map(\.stamp.modifiedMicroseconds)
        #expect(stamps.count == 2 && stamps[0] < stamps[1])
    }

    @Test func virtualPathsAreRefused() {
        let error = #expect(throws: TilingError.self) { try discoverScenes(["/vsizip/a.zip/a.tif"]) }
        #expect(error?.thing == "/vsizip/a.zip/a.tif" && error?.reason.contains("virtual") == true)
    }

    @Test(arguments: ["/no/such/place", "/no/such/*.tif", "@/no/such/list"])
    func refusesRootsThatNameNothing(_ root: String) {
        let error = #expect(throws: TilingError.self) { try discoverScenes([root]) }
        #expect(error?.code == .unreadable)
    }
}
