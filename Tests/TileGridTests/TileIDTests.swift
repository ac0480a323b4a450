import TestCluster
import Testing
import TileGrid

@Suite("Tile ids")
struct TileIDTests {
    static let bytes: [UInt8] = [
        0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
    ]
    static let text = "00112233-4455-6677-8899-aabbccddeeff"

    @Test func areWrittenAsUUIDs() {
        #expect(TileID(bytes: Self.bytes).description == Self.text)
        #expect(TileID(bytes: Self.bytes).bytes == Self.bytes)
    }

    @Test func areReadInEitherCase() {
        #expect(TileID(Self.text) == TileID(bytes: Self.bytes))
        #expect(TileID(Self.text.uppercased()) == TileID(bytes: Self.bytes))
    }

    @Test(arguments: [
        "", "0011223344556677889900aabbccddee", "00112233-4455-6677-8899-aabbccddeef", "00112233-4455-6677-8899-aabbccddeefg",
        "0011223-34455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-aabbccddeeff ",
    ])
    func refuseOtherText(_ text: String) {
        #expect(TileID(text) == nil)
    }

    @Test func sortAsTheirBytes() {
        var generator = SeededRandom(seed: 20261130)
        let ids = (0..<200).map { _ in TileID(bytes: (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }) }
        let byBytes = ids.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        #expect(ids.sorted() == byBytes)
        #expect(ids.sorted { $0.description < $1.description } == byBytes)
    }
}
