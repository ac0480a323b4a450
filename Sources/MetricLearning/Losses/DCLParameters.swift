/// The constants and switches of the Distribution Consistency Loss.
public struct DCLParameters: Hashable, Sendable, Codable {
    /// Which share of an anchor's class raises the weight of its positives.
    public enum BalanceDirection: String, Hashable, Sendable, Codable, CaseIterable {
        /// More hard positives, more weight.
        case hardToEasy
        /// More easy positives, more weight.
        case easyToHard
    }

    /// The parts that an ablation may take away. A part taken away leaves the others as they are: λ is not shared out anew.
    public struct Components: OptionSet, Hashable, Sendable, Codable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }

        /// L_SB, the positives' term.
        public static let sampleBalance = Components(rawValue: 1 << 0)
        /// ω, the weight of the hard share; without it 1.
        public static let balanceWeight = Components(rawValue: 1 << 1)
        /// The hinge over negatives of L_RC.
        public static let ranking = Components(rawValue: 1 << 2)
        /// α_k = α + o_k Δ; without it α for every class.
        public static let rankedMargins = Components(rawValue: 1 << 3)
        /// u, the share of a class inside the margin; without it 1.
        public static let categoryWeight = Components(rawValue: 1 << 4)
        /// exp(T · violation); without it 1.
        public static let violationWeight = Components(rawValue: 1 << 5)
        /// λ_r times the hinge over ordered pairs of classes.
        public static let classOrder = Components(rawValue: 1 << 6)

        public static let all: Components = [
            .sampleBalance, .balanceWeight, .ranking, .rankedMargins, .categoryWeight, .violationWeight, .classOrder,
        ]
    }

    /// α, the distance that negatives are pushed beyond.
    public var alpha = 1.2
    /// m: positives are pulled within α − m.
    public var margin = 0.4
    /// Δ, by which the margin of the next class is wider.
    public var rankSpacing = 0.05
    /// T, of the violations' exponential weight.
    public var temperature = 10.0
    /// λ, the share of the ranking consistency; 1 − λ is the sample balance's.
    public var balance = 0.5
    /// λ_r, of the ordered pairs of classes.
    public var orderWeight = 0.1
    /// δ, which keeps ω finite and moderate.
    public var smoothing = 1.0
    /// In-class hard samples per anchor.
    public var positives = 5
    /// Inter-class hard samples per anchor, each of another class.
    public var negatives = 5
    public var direction = BalanceDirection.hardToEasy
    public var components = Components.all
    /// Whether batches under (negatives + 1) classes × (positives + 1) images are taken with the samples there are;
    /// otherwise they are an error.
    public var acceptsSmallBatches = false

    public init() {}

    /// The least batch that has every anchor's positives and negatives.
    public var leastBatch: BatchShape { BatchShape(classes: negatives + 1, imagesPerClass: positives + 1) }

    /// - Parameter classes: C, of the training set.
    /// - Throws: `MetricLearningError` for constants outside their range, or margins that C equidistant classes cannot keep:
    ///   their unit centroids lie at most √(2C/(C−1)) apart.
    public func validate(classes: Int) throws(MetricLearningError) {
        func refuse(_ subject: String, _ reason: String) -> MetricLearningError {
            MetricLearningError(operation: "set up the Distribution Consistency Loss", subject: subject, reason: reason)
        }
        let all = [alpha, margin, rankSpacing, temperature, balance, orderWeight, smoothing]
        guard all.allSatisfy(\.isFinite) else { throw refuse("parameters", "one is not finite") }
        guard positives >= 1, negatives >= 1 else {
            throw refuse("\(positives) positives, \(negatives) negatives", "each anchor needs at least one of both")
        }
        guard margin >= 0, margin <= alpha else { throw refuse("m = \(margin)", "it must lie in 0…α = \(alpha)") }
        guard balance >= 0, balance <= 1 else { throw refuse("λ = \(balance)", "it must lie in 0…1") }
        guard rankSpacing >= 0, orderWeight >= 0, temperature >= 0, smoothing > 0 else {
            throw refuse("Δ, λ_r, T, δ", "they must not be negative, and δ must be positive")
        }
        guard classes >= 2 else { throw refuse("\(classes) classes", "negatives need at least two") }
        let widest = alpha + (components.contains(.rankedMargins) ? Double(negatives - 1) * rankSpacing : 0)
        let limit = (2 * Double(classes) / Double(classes - 1)).squareRoot()
        guard widest <= limit + 1e-12 else {
            throw refuse(
                "α + \(negatives - 1)Δ = \(widest)", "\(classes) classes can lie at most √(2C/(C−1)) = \(limit) apart")
        }
    }
}
