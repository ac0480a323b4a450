import GDAL
import Testing

/// Each loop beside a plain one.
@Suite("Pixel loops")
struct PixelLoopTests {
    static let patch = PixelPatch(width: 37, height: 3, start: 11, stride: 50, target: 5, targetStride: 41)
    static let planeSize = 50 * 4
    static let targetCount = 41 * 3 + 5

    static func positions() -> [(source: Int, target: Int)] {
        (0..<patch.height).flatMap { row in
            (0..<patch.width).map { (patch.start + row * patch.stride + $0, patch.target + row * patch.targetStride + $0) }
        }
    }

    @Test func interleave() {
        let source = (0..<3 * Self.planeSize).map { UInt8(truncatingIfNeeded: $0 &* 151 &+ $0 / 256) }
        var expected = [UInt8](repeating: 9, count: 3 * Self.targetCount)
        var actual = expected
        let planes = [2 * Self.planeSize, 0, Self.planeSize]
        for (from, to) in Self.positions() {
            for channel in 0..<3 { expected[3 * to + channel] = source[planes[channel] + from] }
        }
        PixelRendering.interleave(source, Self.patch, red: planes[0], green: planes[1], blue: planes[2], into: &actual)
        #expect(actual == expected)
    }

    private func stretches<Sample: PixelSample>(_ source: [Sample], _ scale: Float, _ bias: Float) -> Bool {
        var actual = [UInt8](repeating: 9, count: Self.targetCount)
        var expected = actual
        for (from, to) in Self.positions() {
            let value = source[from].asFloat * scale + bias
            expected[to] = value.isNaN ? 0 : UInt8(min(255, max(0, value)).rounded(.toNearestOrEven))
        }
        PixelRendering.stretch(source, Self.patch, scale: scale, bias: bias, into: &actual)
        return actual == expected
    }

    @Test(arguments: [(1, 0), (0.5, 0.25), (0.004, -12), (-1, 255), (1e30, -1e30)] as [(Float, Float)])
    func stretch(_ scale: Float, _ bias: Float) {
        let numbers = 0..<Self.planeSize
        #expect(stretches(numbers.map { UInt8(truncatingIfNeeded: $0 * 7) }, scale, bias))
        #expect(stretches(numbers.map { UInt16($0 * 327) }, scale, bias))
        #expect(stretches(numbers.map { Int16($0 * 327 - 32768) }, scale, bias))
        let floats = numbers.map { $0 % 9 == 0 ? Float.nan : $0 % 11 == 0 ? .infinity : Float($0) * 1.37 - 40 }
        #expect(stretches(floats, scale, bias))
    }

    @Test func markAndCount() {
        let source = (0..<Self.planeSize).map { UInt16($0 % 4) }
        var valid = [UInt8](repeating: 0, count: Self.targetCount)
        PixelValidity.setUnequal(source, Self.patch, to: 3, in: &valid)
        let expected = Self.positions().count { source[$0.source] != 3 }
        #expect(PixelValidity.count(valid, Self.patch) == expected)
        #expect(valid.reduce(0) { $0 + Int($1) } == expected)
        var table = [UInt8](repeating: 0, count: 65536)
        table[2] = 1
        #expect(
            PixelValidity.countClasses(source, Self.patch, table: table, valid: valid)
                == Self.positions().count { source[$0.source] == 2 })
    }

    @Test func findWhatIsNoNumber() {
        let source = (0..<Self.planeSize).map { [Float.nan, .infinity, -.infinity, 0, -7][$0 % 5] }
        var valid = [UInt8](repeating: 1, count: Self.targetCount)
        PixelValidity.clearNonNumbers(source, Self.patch, in: &valid)
        PixelValidity.clearEqual(source, Self.patch, to: -7, in: &valid)
        for (from, to) in Self.positions() { #expect(valid[to] == (source[from] == 0 ? 1 : 0)) }
    }

    @Test func fillWithTheMeanOfWhatIsValid() {
        var rgb: [UInt8] = [10, 20, 30, 99, 99, 99, 21, 40, 60, 99, 99, 99]
        PixelRendering.fillInvalid(&rgb, valid: [1, 0, 1, 0], count: 4)
        #expect(rgb == [10, 20, 30, 16, 30, 45, 21, 40, 60, 16, 30, 45])
    }
}
