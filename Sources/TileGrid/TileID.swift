/// A tile's identity: 128 bits, written as a lower-case UUID (8-4-4-4-12), stored as PostgreSQL's `uuid`.
///
/// Ordered as its bytes are, which is also the order that PostgreSQL gives `uuid`.
public struct TileID: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    /// - Parameter bytes: exactly 16 bytes, most significant first (a programmer error otherwise).
    public init(bytes: some Collection<UInt8>) {
        precondition(bytes.count == 16, "a tile id has 16 bytes, not \(bytes.count)")
        var high: UInt64 = 0
        var low: UInt64 = 0
        for (position, byte) in bytes.enumerated() {
            if position < 8 { high = high << 8 | UInt64(byte) } else { low = low << 8 | UInt64(byte) }
        }
        self.high = high
        self.low = low
    }

    /// The 16 bytes, most significant first.
    public var bytes: [UInt8] {
        withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { Array($0) }
    }
}

extension TileID: Comparable {
    public static func < (left: TileID, right: TileID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

extension TileID: LosslessStringConvertible {
    private static let dashAfterByte: Set<Int> = [3, 5, 7, 9]
    private static let dashPositions: Set<Int> = [8, 13, 18, 23]

    /// Accepts UUID text, upper or lower case, with its four dashes.
    public init?(_ description: String) {
        let text = Array(description.utf8)
        guard text.count == 36 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(16)
        var pending: UInt8?
        for (position, character) in text.enumerated() {
            if Self.dashPositions.contains(position) {
                guard character == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard let digit = Self.hexValue(character) else { return nil }
            if let first = pending {
                bytes.append(first << 4 | digit)
                pending = nil
            } else {
                pending = digit
            }
        }
        self.init(bytes: bytes)
    }

    public var description: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(36)
        for (position, byte) in bytes.enumerated() {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
            if Self.dashAfterByte.contains(position) { text.append(UInt8(ascii: "-")) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func hexValue(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension TileID: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let id = TileID(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a tile id: \(text)")
        }
        self = id
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
