/// An anchor and another row of the batch.
public struct IndexPair: Hashable, Sendable {
    public let anchor: Int
    public let other: Int
    public init(_ anchor: Int, _ other: Int) {
        self.anchor = anchor
        self.other = other
    }
}

/// Ordered pairs of one class, and of two; grouped by anchor, ascending.
public struct PairSelection: Hashable, Sendable {
    public var positives: [IndexPair] = []
    public var negatives: [IndexPair] = []
    public init(positives: [IndexPair] = [], negatives: [IndexPair] = []) {
        self.positives = positives
        self.negatives = negatives
    }
}
