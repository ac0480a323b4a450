import Foundation
import TileGrid
import Testing

@testable import ContactSheet

@Suite("Contact sheet")
struct ContactSheetTests {
    private static let red = TileImage(
        width: 64, height: 64, pixels: (0..<64 * 64).flatMap { _ in [200, 10, 20] as [UInt8] })

    private func sheet(hits: Int, picture: SheetTile.Picture = .image(red)) -> ContactSheet {
        let tile = SheetTile(
            picture: picture, distance: 0.1234, place: Point(x: -46.5, y: -23.25), date: "2020-08-31",
            title: "m_4709963_se_14_1_20200831_à_très_long_nom_de_fichier.tif")
        return ContactSheet(
            title: "Places that look alike", subtitle: "within a polygon", query: tile,
            hits: Array(repeating: tile, count: hits),
            area: [[[
                Point(x: -50, y: -30), Point(x: -40, y: -30), Point(x: -45, y: -20), Point(x: -50, y: -30),
            ]]])
    }

    @Test("Frames and captions never overlap and stay on the sheet", arguments: [0, 1, 3, 4, 8, 9, 20, 31, 73, 200])
    func layout(count: Int) {
        let layout = SheetLayout(hits: count)
        let sheet = Rectangle(x: 0, y: 0, width: SheetLayout.width, height: layout.height)
        let parts = [layout.query, layout.caption(of: layout.query), layout.map]
            + layout.hits.flatMap { [$0, layout.caption(of: $0)] }
        #expect(layout.hits.count == count)
        for (index, part) in parts.enumerated() {
            #expect(sheet.contains(part))
            #expect(!parts[(index + 1)...].contains { $0.inset(by: 0.01).intersects(part.inset(by: 0.01)) })
        }
    }

    @Test("Every hit's own pixels are in its frame, and the text beside them is drawn", arguments: [1, 12, 200])
    func pixels(count: Int) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sheet-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("sheet.png").path
        try sheet(hits: count).writePNG(to: path)
        let picture = try PNGPixels(path: path)
        let layout = SheetLayout(hits: count)
        #expect(picture.width == Int(SheetLayout.width))
        for frame in layout.hits + [layout.query] {
            let centre = picture.pixel(x: Int(frame.x + frame.width / 2), y: Int(frame.y + frame.height / 2))
            #expect(centre == [200, 10, 20])
            #expect(picture.darkPixels(in: layout.caption(of: frame)) > 50)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["sheet.png"])
    }

    @Test("A tile that cannot be read back is hatched, not left out")
    func missing() throws {
        let path = NSTemporaryDirectory() + "sheet-\(UUID().uuidString).png"
        defer { unlink(path) }
        try sheet(hits: 2, picture: .missing("its scene has moved")).writePNG(to: path)
        let picture = try PNGPixels(path: path)
        #expect(picture.darkPixels(in: SheetLayout(hits: 2).hits[1], below: 240) > 300)
    }

    @Test("A folder that is not there is named, and nothing is left behind")
    func unwritable() throws {
        let error = #expect(throws: ContactSheetError.self) { try sheet(hits: 1).writePNG(to: "/nowhere/sheet.png") }
        #expect(error?.description.contains("/nowhere/sheet.png") == true)
        #expect(error?.description.contains("No such file") == true)
    }

    @Test(
        "A full disk is named as such, and nothing is left behind",
        .enabled(if: Self.hasFullDevice, "there is no /dev/full"))
    func fullDisk() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("full-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        // The temporary file's name leads to the device that is always full.
        let path = folder.appendingPathComponent("sheet.png").path
        symlink("/dev/full", path + ".partial-\(getpid())")
        let error = #expect(throws: ContactSheetError.self) { try sheet(hits: 1).writePNG(to: path) }
        #expect(error?.description == "cannot write \(path): No space left on device")
        #expect(error?.code == .cannotWrite)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    private static var hasFullDevice: Bool { FileManager.default.fileExists(atPath: "/dev/full") }

    @Test("A failed sheet leaves the earlier one in its place")
    func earlierSheet() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("kept-\(UUID().uuidString)")
        let taken = folder.appendingPathComponent("sheet.png/inside")
        try FileManager.default.createDirectory(at: taken, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("sheet.png").path
        let error = #expect(throws: ContactSheetError.self) { try sheet(hits: 1).writePNG(to: path) }
        #expect(error?.reason == "Is a directory")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["sheet.png"])
    }

    @Test("More hits than a picture can hold are refused with a reason, not cut off")
    func tooMany() throws {
        let error = #expect(throws: ContactSheetError.self) { try sheet(hits: 2000).writePNG(to: "/nowhere/sheet.png") }
        #expect(error?.code == .cannotDraw)
        #expect(error?.reason.contains("fewer tiles") == true)
    }

    @Test("Values that are no numbers are shown as dashes, and do not stop the sheet")
    func notANumber() throws {
        let path = NSTemporaryDirectory() + "sheet-\(UUID().uuidString).png"
        defer { unlink(path) }
        var sheet = sheet(hits: 2)
        sheet.hits[0].distance = .nan
        sheet.hits[0].place = Point(x: .infinity, y: .nan)
        sheet.area = [[[Point(x: .nan, y: 0)]]]
        try sheet.writePNG(to: path)
        #expect(try PNGPixels(path: path).width == 1600)
    }

    @Test("A wide tile is letterboxed: nothing of it is stretched or cut")
    func letterbox() throws {
        let path = NSTemporaryDirectory() + "sheet-\(UUID().uuidString).png"
        defer { unlink(path) }
        let wide = TileImage(width: 100, height: 50, pixels: (0..<5000).flatMap { _ in [200, 10, 20] as [UInt8] })
        try sheet(hits: 1, picture: .image(wide)).writePNG(to: path)
        let picture = try PNGPixels(path: path)
        let frame = SheetLayout(hits: 1).hits[0]
        let x = Int(frame.x + frame.width / 2)
        #expect(picture.pixel(x: x, y: Int(frame.y + frame.height * 0.5)) == [200, 10, 20])
        for share in [0.2, 0.8] {
            #expect(picture.pixel(x: x, y: Int(frame.y + frame.height * share)) == [0xF3, 0xF5, 0xF7])
        }
    }
}
