/// Batches of a fixed number of classes and of images of each, deterministic by seed and epoch, whatever the machine.
///
/// Within a batch no class and no image comes twice (unless small classes repeat theirs). Within an epoch the
/// classes come equally often, to within one, and a class's images are all drawn before any is drawn again.
public struct BalancedBatchSampler: Sendable {
    /// What to do with a class that has fewer images than a batch takes of it.
    public enum SmallClasses: String, Hashable, Sendable, Codable, CaseIterable {
        case refuse
        /// Its images come more than once in a batch.
        case repeatImages
        case leaveOut
    }

    public let shape: BatchShape
    public let seed: UInt64
    /// About one pass over the images, at least one.
    public let batchesPerEpoch: Int
    /// The classes that are drawn from, ascending.
    public let classes: [Int]
    /// Rows of each class, in the order of `classes`.
    private let members: [[Int]]

    /// - Parameters:
    ///   - labels: one class per image.
    ///   - least: the smallest batch that the loss accepts (`DCLParameters.leastBatch`).
    /// - Throws: `MetricLearningError` when the shape is under `least`, or the images cannot fill it.
    public init(
        labels: [Int], shape: BatchShape, least: BatchShape = BatchShape(classes: 2, imagesPerClass: 2), seed: UInt64,
        smallClasses: SmallClasses = .refuse
    ) throws(MetricLearningError) {
        func refuse(_ subject: String, _ reason: String) -> MetricLearningError {
            MetricLearningError(operation: "draw balanced batches", subject: subject, reason: reason)
        }
        guard shape.classes >= max(1, least.classes), shape.imagesPerClass >= max(1, least.imagesPerClass) else {
            throw refuse("batches of \(shape)", "the loss needs at least \(least) (classes × images)")
        }
        var members: [Int: [Int]] = [:]
        for (row, label) in labels.enumerated() { members[label, default: []].append(row) }
        let small = members.keys.sorted().filter { members[$0]!.count < shape.imagesPerClass }
        switch smallClasses {
        case .refuse:
            if let first = small.first {
                throw refuse(
                    "class \(first)",
                    "it has \(members[first]!.count) images and a batch takes \(shape.imagesPerClass) of each class"
                        + (small.count > 1 ? "; so it is with \(small.count - 1) more classes" : ""))
            }
        case .leaveOut: for label in small { members[label] = nil }
        case .repeatImages: break
        }
        guard members.count >= shape.classes else {
            throw refuse(
                "\(members.count) classes" + (smallClasses == .leaveOut && !small.isEmpty ? ", \(small.count) left out" : ""),
                "a batch takes \(shape.classes)")
        }
        classes = members.keys.sorted()
        self.members = classes.map { members[$0]! }
        self.shape = shape
        self.seed = seed
        let images = self.members.reduce(0) { $0 + $1.count }
        batchesPerEpoch = max(1, (images + shape.count / 2) / shape.count)
    }

    /// The rows of each batch of an epoch, grouped by class. Epochs are independent of each other: a run that continues
    /// at epoch e draws what a run that never stopped draws.
    public func batches(epoch: Int) -> [[Int]] {
        var random = SplitMix64(seed: seed, stream: UInt64(bitPattern: Int64(epoch)))
        var images = members.map { Deck($0) }
        var order = Deck(Array(classes.indices))
        return (0..<batchesPerEpoch).map { _ in
            order.draw(shape.classes, using: &random).flatMap { images[$0].draw(shape.imagesPerClass, using: &random) }
        }
    }
}

/// A deck that is shuffled anew when it runs out.
private struct Deck {
    private var cards: [Int]
    private var next: Int

    init(_ cards: [Int]) {
        self.cards = cards
        next = cards.count
    }

    /// The next `count` cards. Where the deck runs out in the middle, the cards drawn already go to the end of the new
    /// order, so that one draw holds no card twice as long as the deck has enough.
    mutating func draw(_ count: Int, using random: inout SplitMix64) -> [Int] {
        var drawn: [Int] = []
        while drawn.count < count {
            if next == cards.count {
                random.shuffle(&cards)
                let held = Set(drawn)
                cards = cards.filter { !held.contains($0) } + cards.filter { held.contains($0) }
                next = 0
            }
            drawn.append(cards[next])
            next += 1
        }
        return drawn
    }
}
