import Foundation
import TileGrid
import Testing

@testable import ContactSheet

@Suite("Grid sheet")
struct GridSheetTests {
    private static let blue = TileImage(width: 8, height: 8, pixels: (0..<64).flatMap { _ in [10, 20, 200] as [UInt8] })

    @Test("Parts never overlap and stay on the sheet", arguments: [[], [1], [11, 3, 0, 11], [50, 2], [0]])
    func layout(counts: [Int]) {
        let layout = GridLayout(cellsInRows: counts)
        let sheet = Rectangle(x: 0, y: 0, width: layout.width, height: layout.height)
        let parts = layout.rows.flatMap { row in
            [row.heading] + row.cells.flatMap { [$0, GridLayout.caption(of: $0)] }
        }
        #expect(layout.rows.map(\.cells.count) == counts)
        for (index, part) in parts.enumerated() {
            #expect(sheet.contains(part))
            #expect(!parts[(index + 1)...].contains { $0.inset(by: 0.01).intersects(part.inset(by: 0.01)) })
        }
    }

    @Test("What is right has a green border, what is wrong a red one, and each its own picture inside")
    func verdicts() throws {
        let path = NSTemporaryDirectory() + "grid-\(UUID().uuidString).png"
        defer { unlink(path) }
        let cells = [GridSheet.Verdict.none, .right, .wrong].map {
            GridSheet.Cell(picture: .image(Self.blue), verdict: $0, caption: "harbor 0.071")
        }
        try GridSheet(title: "Worst queries", rows: [.init(heading: "harbor", cells: cells)]).writePNG(to: path)
        let picture = try PNGPixels(path: path)
        let frames = GridLayout(cellsInRows: [3]).rows[0].cells
        let borders = frames.map { picture.pixel(x: Int($0.x), y: Int($0.y + $0.height / 2)) }
        #expect(borders == [[0x1B, 0x27, 0x33], [0x2F, 0x9E, 0x44], [0xE0, 0x31, 0x31]])
        for frame in frames {
            let centre = picture.pixel(x: Int(frame.x + frame.width / 2), y: Int(frame.y + frame.height / 2))
            #expect(centre == [10, 20, 200])
            #expect(picture.darkPixels(in: GridLayout.caption(of: frame)) > 30)
        }
    }
}
