/// The band that says which pixels are cloud: a scene classification (Sentinel-2's SCL) or quality bits (Landsat's QA).
public struct CloudMask: Hashable, Codable, Sendable {
    public enum Test: Hashable, Codable, Sendable {
        /// Cloud where the sample is one of these values.
        case classes([Int])
        /// Cloud where any of these bits is set, counted from 0.
        case bits([Int])
    }

    /// From 1.
    public var band: Int
    public var test: Test

    public init(band: Int, test: Test) {
        self.band = band
        self.test = test
    }

    /// Classes and bits lie within 16 bits.
    static let values = 0...65535

    /// `4:3,8,9,10` (band 4, those classes) or `5:bits:3,4` (band 5, any of those bits).
    /// - Throws: `TilingError` that says what is accepted.
    public init(parsing text: String) throws {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let isBits = parts.count == 3 && parts[1].lowercased() == "bits"
        let numbers = (parts.last ?? "").split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? -1 }
        let range = isBits ? 0...15 : Self.values
        guard parts.count == 2 || isBits, let band = Int(parts[0]), band > 0,
            numbers.allSatisfy({ range.contains($0) })
        else {
            throw TilingError.option(
                "cloud band", text, "expected BAND:CLASS,CLASS… (4:3,8,9,10) or BAND:bits:BIT,BIT… (5:bits:3,4)")
        }
        let sorted = Set(numbers).sorted()
        self.init(band: band, test: isBits ? .bits(sorted) : .classes(sorted))
    }

    /// The text that `init(parsing:)` reads.
    public var canonicalText: String {
        switch test {
        case .classes(let values): "\(band):" + values.map(String.init).joined(separator: ",")
        case .bits(let bits): "\(band):bits:" + bits.map(String.init).joined(separator: ",")
        }
    }

    /// 1 at each 16-bit value that means cloud.
    var lookup: [UInt8] {
        switch test {
        case .classes(let classes):
            var table = [UInt8](repeating: 0, count: Self.values.count)
            for value in classes where Self.values.contains(value) { table[value] = 1 }
            return table
        case .bits(let bits):
            let mask = bits.reduce(0) { $0 | 1 << $1 }
            return Self.values.map { $0 & mask == 0 ? 0 : 1 }
        }
    }
}
