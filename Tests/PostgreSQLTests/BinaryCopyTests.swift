import Foundation
import Testing
@testable import PostgreSQL

/// Bytes as the manual's COPY page lays them out, and as `psql \copy … WITH (FORMAT binary)` wrote them.
@Suite struct BinaryCopyTests {
    private let header: [UInt8] = [0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00, 0, 0, 0, 0, 0, 0, 0, 0]

    @Test func anEmptyCopyIsHeaderAndTrailer() {
        var copy = BinaryCopy(columns: 3)
        copy.finish()
        #expect(copy.drain(Array.init) == header + [0xFF, 0xFF])
    }

    @Test func fieldsCarryTheirLengths() {
        var copy = BinaryCopy(columns: 6)
        copy.beginRow()
        copy.append(7)
        copy.append(nil as String?)
        copy.append("né")
        copy.append(true)
        copy.append(Float(1))
        copy.append(raw: [0xAB])
        copy.finish()
        #expect(copy.drain(Array.init) == header
            + [0, 6]
            + [0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 7]
            + [0xFF, 0xFF, 0xFF, 0xFF]
            + [0, 0, 0, 3, 0x6E, 0xC3, 0xA9]
            + [0, 0, 0, 1, 1]
            + [0, 0, 0, 4, 0x3F, 0x80, 0, 0]
            + [0, 0, 0, 1, 0xAB]
            + [0xFF, 0xFF])
    }

    @Test func halfvecIsDimensionZeroAndHalves() {
        var copy = BinaryCopy(columns: 1)
        copy.beginRow()
        copy.append(halfvec: [1, -2, 0.5])
        copy.finish()
        #expect(copy.drain(Array.init) == header + [0, 1, 0, 0, 0, 10, 0, 3, 0, 0, 0x3C, 0x00, 0xC0, 0x00, 0x38, 0x00, 0xFF, 0xFF])
    }

    @Test func timestampsCountMicrosecondsFrom2000() {
        var bytes: [UInt8] = []
        Date(timeIntervalSince1970: 946_684_800 + 1.5).encodeSQL(into: &bytes)
        #expect(bytes == [0, 0, 0, 0, 0, 0x16, 0xE3, 0x60])
    }

    @Test func arraysCarryDimensionAndElementType() {
        var bytes: [UInt8] = []
        ["a", ""].encodeSQL(into: &bytes)
        #expect(bytes == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0x61, 0, 0, 0, 0])
        bytes = []
        [Int]().encodeSQL(into: &bytes)
        #expect(bytes == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20])
    }

    @Test func drainingKeepsTheStreamWhole() {
        var whole = BinaryCopy(columns: 1), parts = BinaryCopy(columns: 1)
        var pieces: [UInt8] = []
        for value in 0..<10 {
            for copy in [0, 1] {
                if copy == 0 { whole.beginRow(); whole.append(value) } else { parts.beginRow(); parts.append(value) }
            }
            pieces += parts.drain(Array.init)
        }
        whole.finish()
        parts.finish()
        #expect(whole.drain(Array.init) == pieces + parts.drain(Array.init))
    }
}
