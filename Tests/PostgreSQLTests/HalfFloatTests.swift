import Testing
@testable import PostgreSQL

@Suite struct HalfFloatTests {
    @Test func everyHalfComesBackFromItsFloat() {
        for bits in UInt16.min...UInt16.max {
            let half = Float16(bitPattern: bits)
            if half.isNaN {
                #expect(Float16(bitPattern: HalfFloat.bits(Float(half))).isNaN)
            } else if HalfFloat.bits(Float(half)) != bits {
                Issue.record("\(half)")
            }
        }
    }

    @Test func roundsAsTheCompilersConversionDoes() {
        // A walk through float bit patterns that meets every exponent and every kind of mantissa tail.
        var wrong = 0
        for step in stride(from: UInt32.min, to: UInt32.max - 997, by: 997) {
            let value = Float(bitPattern: step)
            if !value.isNaN, HalfFloat.bits(value) != Float16(value).bitPattern { wrong += 1 }
        }
        #expect(wrong == 0)
    }

    @Test(arguments: [(65504, 0x7BFF), (65519.9, 0x7BFF), (65520, 0x7C00), (.infinity, 0x7C00), (-65520, 0xFC00), (-0.0, 0x8000), (0x1p-25, 0), (0x1.8p-25, 1)] as [(Float, UInt16)])
    func edges(_ value: Float, _ bits: UInt16) {
        #expect(HalfFloat.bits(value) == bits)
    }
}
