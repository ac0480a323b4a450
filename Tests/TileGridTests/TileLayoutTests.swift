import Testing
import TileGrid

struct LayoutCase: CustomTestStringConvertible, Sendable {
    var width, height, tile, overlap: Int
    var edge: EdgePolicy
    var testDescription: String { "\(width)×\(height) tile \(tile) overlap \(overlap) \(edge)" }

    static let all: [LayoutCase] = EdgePolicy.allCases.flatMap { edge in
        [(1, 1), (7, 300), (8, 8), (9, 8), (31, 33), (64, 64), (100, 65), (257, 130)].flatMap { width, height in
            [(8, 0), (8, 3), (8, 7), (32, 0), (32, 16), (64, 1)].map { tile, overlap in
                LayoutCase(width: width, height: height, tile: tile, overlap: overlap, edge: edge)
            }
        }
    }

    func layout() throws -> TileLayout {
        try TileLayout(rasterWidth: width, rasterHeight: height, tileSize: tile, overlap: overlap, edge: edge)
    }
}

@Suite("Layouts")
struct TileLayoutTests {
    /// Where tiles start along one side, written as the policy reads.
    static func origins(side: Int, tile: Int, step: Int, edge: EdgePolicy) -> [Int] {
        var result: [Int] = []
        var position = 0
        while position + tile <= side {
            result.append(position)
            position += step
        }
        let covered = result.last.map { $0 + tile } ?? 0
        guard covered < side else { return result }
        switch edge {
        case .drop: return result
        case .pad: return result + [position]
        case .shift: return result + [max(0, side - tile)]
        }
    }

    @Test(arguments: LayoutCase.all)
    func agreeWithTheirPlainDefinition(_ one: LayoutCase) throws {
        let layout = try one.layout()
        let step = one.tile - one.overlap
        let expected = Self.origins(side: one.height, tile: one.tile, step: step, edge: one.edge).flatMap { y in
            Self.origins(side: one.width, tile: one.tile, step: step, edge: one.edge).map { x in
                PixelWindow(x: x, y: y, width: one.tile, height: one.tile)
            }
        }
        #expect(Array(layout) == expected)
        #expect(layout.count == layout.rows * layout.columns)
    }

    @Test(arguments: LayoutCase.all.filter { $0.edge != .drop })
    func coverEveryPixel(_ one: LayoutCase) throws {
        var covered = [Bool](repeating: false, count: one.width * one.height)
        for window in try one.layout() {
            let inside = window.clipped(toWidth: one.width, height: one.height)
            #expect(!inside.isEmpty)
            for y in inside.y..<inside.y + inside.height {
                for x in inside.x..<inside.x + inside.width { covered[y * one.width + x] = true }
            }
        }
        #expect(covered.allSatisfy { $0 })
    }

    @Test(arguments: LayoutCase.all.filter { $0.edge == .drop })
    func stayInsideWhenPartialTilesAreDropped(_ one: LayoutCase) throws {
        let raster = PixelWindow(x: 0, y: 0, width: one.width, height: one.height)
        #expect(try one.layout().allSatisfy(raster.contains))
    }

    @Test(arguments: LayoutCase.all.filter { $0.edge == .shift && $0.width >= $0.tile && $0.height >= $0.tile })
    func stayInsideWhenTheLastTileShifts(_ one: LayoutCase) throws {
        let raster = PixelWindow(x: 0, y: 0, width: one.width, height: one.height)
        #expect(try one.layout().allSatisfy(raster.contains))
    }

    @Test func costNothingWhateverTheirSize() throws {
        let side = TileLayout.maximumSide
        let layout = try TileLayout(rasterWidth: side, rasterHeight: side, tileSize: 8, overlap: 7, edge: .shift)
        #expect(layout.count == (side - 7) * (side - 7))
        #expect(layout.last == PixelWindow(x: side - 8, y: side - 8, width: 8, height: 8))
    }

    @Test func giveASceneSmallerThanATileOneTileOrNone() throws {
        func windows(_ edge: EdgePolicy) throws -> [PixelWindow] {
            Array(try TileLayout(rasterWidth: 100, rasterHeight: 90, tileSize: 256, edge: edge))
        }
        let one = [PixelWindow(x: 0, y: 0, width: 256, height: 256)]
        #expect(try windows(.shift) == one)
        #expect(try windows(.pad) == one)
        #expect(try windows(.drop).isEmpty)
    }

    @Test(arguments: [
        (0, 5, 256, 0, "it is empty"), (5, -1, 256, 0, "it is empty"), (Int.max, 5, 256, 0, "a side has more than"),
        (100, 100, 0, 0, "tile size 0"), (100, 100, 7, 0, "tile size 7"), (100, 100, 1_000_000, 0, "tile size 1000000"),
        (100, 100, Int.min, 0, "tile size -"), (100, 100, 64, 64, "overlap 64"), (100, 100, 64, -1, "overlap -1"),
        (100, 100, 64, Int.max, "overlap 9"),
    ])
    func refuseAbsurdSizes(_ width: Int, _ height: Int, _ tile: Int, _ overlap: Int, _ reason: String) {
        let error = #expect(throws: TileGridError.self) {
            try TileLayout(rasterWidth: width, rasterHeight: height, tileSize: tile, overlap: overlap, edge: .shift)
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.reason.contains(reason) == true)
    }
}
