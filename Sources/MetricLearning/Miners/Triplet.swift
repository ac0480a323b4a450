/// An anchor, a row of its class and a row of another.
public struct Triplet: Hashable, Sendable {
    public let anchor: Int
    public let positive: Int
    public let negative: Int
    public init(_ anchor: Int, _ positive: Int, _ negative: Int) {
        self.anchor = anchor
        self.positive = positive
        self.negative = negative
    }
}
