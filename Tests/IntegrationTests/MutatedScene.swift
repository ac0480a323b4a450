import Foundation
import TestCluster

/// Breaks a TIFF where TIFFs break: in its tags, their types, counts and offsets, in the strips they point to, in the
/// GeoTIFF keys. (TIFF 6.0, section 2: header, IFD of twelve-byte entries.)
struct MutatedScene {
    private var bytes: [UInt8]
    /// Where each entry of the first directory begins.
    private var entries: [Int] = []

    init(_ data: Data) {
        bytes = Array(data)
        guard bytes.count > 8, bytes.starts(with: [0x49, 0x49, 42, 0]) else { return }
        let directory = Int(integer(4, 4))
        guard directory + 2 <= bytes.count else { return }
        let count = Int(integer(directory, 2))
        entries = (0..<count).map { directory + 2 + 12 * $0 }.filter { $0 + 12 <= bytes.count }
    }

    private func integer(_ place: Int, _ width: Int) -> UInt64 {
        (0..<width).reduce(0) { $0 | UInt64(bytes[place + $1]) << (8 * UInt64($1)) }
    }

    private mutating func put(_ value: UInt64, _ place: Int, _ width: Int) {
        guard place >= 0, place + width <= bytes.count else { return }
        for index in 0..<width { bytes[place + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index))) }
    }

    /// Numbers at which readers go wrong.
    private static let nasty: [UInt64] = [0, 1, 2, 3, 255, 65535, 65536, 1 << 24, 1 << 31 - 1, 1 << 31, 0xFFFF_FFFF, 0xFFFF_FFF0]
    /// Width, length, bits, compression, photometric, strips, samples, rows, byte counts, planar, predictor, tiles, geo keys.
    private static let structure: Set<UInt64> = [256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 317, 322, 323, 324, 325, 33550, 33922, 34735, 34736]

    mutating func mutate(using random: inout SeededRandom) -> Data {
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let known = entries.filter { Self.structure.contains(integer($0, 2)) }
            let entry = known.randomElement(using: &random) ?? entries.randomElement(using: &random)
            let nasty = Self.nasty.randomElement(using: &random)!
            switch (Int.random(in: 0..<9, using: &random), entry) {
            case (0, let entry?): put(nasty, entry + 8, 4)
            case (1, let entry?): put(nasty, entry + 4, 4)
            case (2, let entry?): put(UInt64.random(in: 0...20, using: &random), entry + 2, 2)
            case (3, let entry?): put(Self.structure.randomElement(using: &random)!, entry, 2)
            case (4, let entry?):
                // The values that the entry points to: strip offsets and lengths, the transform, the geo keys.
                let place = Int(integer(entry + 8, 4))
                let length = Int(min(integer(entry + 4, 4), 64)) * 4
                if place > 0, place + 4 <= bytes.count { put(nasty, place + Int.random(in: 0...max(0, length - 4), using: &random), 4) }
            case (5, _): bytes.removeLast(Int.random(in: 1...max(1, bytes.count - 8), using: &random) % max(1, bytes.count - 8))
            case (6, _): for _ in 0..<16 { put(random.next(), Int.random(in: 0..<bytes.count, using: &random), 1) }
            case (7, _): put(nasty, 4, 4)
            default:
                let place = Int.random(in: 0..<bytes.count, using: &random)
                for index in place..<min(bytes.count, place + Int.random(in: 1...256, using: &random)) { bytes[index] = UInt8(truncatingIfNeeded: nasty) }
            }
            entries = entries.filter { $0 + 12 <= bytes.count }
            if bytes.count < 9 { break }
        }
        return Data(bytes)
    }
}
