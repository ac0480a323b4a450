import Foundation
import Kernels

/// The Distribution Consistency Loss: our reconstruction from the published abstract of L. Fan, H. Zhao, H. Zhao,
/// "Distribution Consistency Loss for Large-Scale Remote Sensing Image Retrieval", Remote Sensing 12(1), 175 (2020).
///
/// Per anchor i, over the informative set of `InformativeSetMiner`, with d the Euclidean distance of unit descriptors:
/// - sample balance: the mean over P* of ω_i max(0, d_ij − (α − m)),
///   ω_i = 2(a + δ)/(n_h + n_e + 2δ), n_h positives beyond α − m, n_e within, a the one that the direction names;
/// - ranking consistency: Σ_k w_ik max(0, α_k − d_ik) over N*, α_k = α + o_k Δ, o_k the rank of k's class by the distance
///   between class centroids, w_ik ∝ u_ik exp(T(α_k − d_ik)) over violated k,
///   u_ik = (1 + #{j in class k: d_ij < α_k})/(1 + class size);
/// - class order: λ_r times the mean over pairs o_a < o_b of max(0, d_ia − d_ib + Δ).
///
/// The loss is the mean over anchors of (1 − λ) · balance + λ · (ranking + order). The class order needs no violated
/// margin. Mining, ranks and weights are the selection, and carry no gradient.
public struct DistributionConsistencyLoss: MetricLoss {
    public let parameters: DCLParameters
    /// Frozen for an epoch; made anew with the next epoch's.
    public let centroids: ClassCentroids
    public let reducer = Reducer.mean

    /// - Throws: `MetricLearningError` for parameters out of range, or too wide for the number of classes.
    public init(_ parameters: DCLParameters = DCLParameters(), centroids: ClassCentroids) throws(MetricLearningError) {
        try parameters.validate(classes: centroids.labels.count)
        self.parameters = parameters
        self.centroids = centroids
    }

    /// What mining fixed for one anchor.
    public struct AnchorPlan: Hashable, Sendable {
        /// P*, and ω_i.
        public let positives: [Int]
        public let positiveWeight: Double
        /// N* in the order of their classes' ranks o = 0, 1, …, with α_k and w_ik of each.
        public let negatives: [Int]
        public let margins: [Double]
        public let weights: [Double]
    }

    /// - Throws: `MetricLearningError` for a batch smaller than `parameters.leastBatch` (unless small batches are
    ///   accepted), or a class without a centroid.
    public func select<Scalar>(in batch: DescriptorBatch<Scalar>) throws(MetricLearningError) -> [AnchorPlan] {
        let sizes = batch.labels.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
        try check(sizes)
        let miner = InformativeSetMiner(positives: parameters.positives, negatives: parameters.negatives)
        return (0..<batch.count).map { anchor in
            let set = miner.informativeSet(of: anchor, in: batch)
            let negatives = ranked(set.negatives, from: anchor, batch)
            let margins = negatives.indices.map { rank in
                parameters.alpha + (has(.rankedMargins) ? Double(rank) * parameters.rankSpacing : 0)
            }
            return AnchorPlan(
                positives: set.positives, positiveWeight: positiveWeight(of: anchor, batch), negatives: negatives,
                margins: margins, weights: negativeWeights(of: anchor, negatives, margins, sizes, batch))
        }
    }

    public func terms<Scalar>(of batch: DescriptorBatch<Scalar>, over selection: [AnchorPlan]) -> [LossTerm<Scalar>] {
        let zeros = [Scalar](repeating: 0, count: batch.count)
        var balance = LossTerm<Scalar>("sample balance", values: zeros)
        var ranking = LossTerm<Scalar>("ranking consistency", values: zeros)
        var order = LossTerm<Scalar>("class order", values: zeros)
        for (anchor, plan) in selection.enumerated() {
            if has(.sampleBalance) { addBalance(plan, anchor, batch, &balance) }
            if has(.ranking) { addRanking(plan, anchor, batch, &ranking) }
            if has(.classOrder) { addOrder(plan, anchor, batch, &order) }
        }
        return [balance, ranking, order]
    }

    // MARK: Selection

    private func has(_ component: DCLParameters.Components) -> Bool { parameters.components.contains(component) }

    private func check(_ sizes: [Int: Int]) throws(MetricLearningError) {
        let operation = "compute the Distribution Consistency Loss"
        for label in sizes.keys.sorted() where centroids.distance(between: label, and: label) == nil {
            throw MetricLearningError(operation: operation, subject: "class \(label)", reason: "it has no centroid")
        }
        guard !parameters.acceptsSmallBatches else { return }
        let least = parameters.leastBatch
        if sizes.count < least.classes {
            throw MetricLearningError(
                operation: operation, subject: "a batch of \(sizes.count) classes",
                reason: "it needs at least \(least) (classes × images)")
        }
        if let small = sizes.keys.sorted().first(where: { sizes[$0]! < least.imagesPerClass }) {
            throw MetricLearningError(
                operation: operation, subject: "class \(small) with \(sizes[small]!) images in the batch",
                reason: "it needs at least \(least) (classes × images)")
        }
    }

    /// Sorts one row per class by the distance of its class's centroid from the anchor's; ties by class.
    private func ranked<Scalar>(_ rows: [Int], from anchor: Int, _ batch: DescriptorBatch<Scalar>) -> [Int] {
        let keyed = rows.map { row in
            // `check` made sure that every class has a centroid.
            (centroids.distance(between: batch.labels[anchor], and: batch.labels[row])!, batch.labels[row], row)
        }
        return keyed.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
    }

    private func positiveWeight<Scalar>(of anchor: Int, _ batch: DescriptorBatch<Scalar>) -> Double {
        guard has(.balanceWeight) else { return 1 }
        let radius = Scalar(parameters.alpha - parameters.margin)
        var hard = 0, easy = 0
        for row in 0..<batch.count where row != anchor && batch.labels[row] == batch.labels[anchor] {
            if batch.distances[anchor, row] > radius { hard += 1 } else { easy += 1 }
        }
        let share = Double(parameters.direction == .hardToEasy ? hard : easy)
        return 2 * (share + parameters.smoothing) / (Double(hard + easy) + 2 * parameters.smoothing)
    }

    /// w_ik, summing to 1 over violated k; 0 for the others.
    private func negativeWeights<Scalar>(
        of anchor: Int, _ negatives: [Int], _ margins: [Double], _ sizes: [Int: Int], _ batch: DescriptorBatch<Scalar>
    ) -> [Double] {
        var exponents = [Double](repeating: -.infinity, count: negatives.count)
        for (k, row) in negatives.enumerated() {
            let violation = margins[k] - Double(batch.distances[anchor, row])
            guard violation > 0 else { continue }
            exponents[k] = has(.violationWeight) ? parameters.temperature * violation : 0
            if has(.categoryWeight) {
                var inside = 0
                for other in 0..<batch.count where batch.labels[other] == batch.labels[row] {
                    if Double(batch.distances[anchor, other]) < margins[k] { inside += 1 }
                }
                exponents[k] += log(Double(1 + inside) / Double(1 + sizes[batch.labels[row]]!))
            }
        }
        // None violated: all −∞, whose softmax would be 0/0.
        guard exponents.contains(where: { $0 > -.infinity }) else { return Array(repeating: 0, count: negatives.count) }
        return softmax(exponents)
    }

    // MARK: Terms

    private func addBalance<Scalar>(
        _ plan: AnchorPlan, _ anchor: Int, _ batch: DescriptorBatch<Scalar>, _ term: inout LossTerm<Scalar>
    ) {
        guard !plan.positives.isEmpty else { return }
        let weight = Scalar((1 - parameters.balance) * plan.positiveWeight / Double(plan.positives.count))
        let radius = Scalar(parameters.alpha - parameters.margin)
        for row in plan.positives {
            let violation = batch.distances[anchor, row] - radius
            guard violation > 0 else { continue }
            term.values[anchor] += weight * violation
            term.depend(anchor, onSimilarity: anchor, row, by: weight * DistanceMeasure.euclidean.slope(batch, anchor, row))
        }
    }

    private func addRanking<Scalar>(
        _ plan: AnchorPlan, _ anchor: Int, _ batch: DescriptorBatch<Scalar>, _ term: inout LossTerm<Scalar>
    ) {
        for (k, row) in plan.negatives.enumerated() {
            let violation = Scalar(plan.margins[k]) - batch.distances[anchor, row]
            guard violation > 0 else { continue }
            let weight = Scalar(parameters.balance * plan.weights[k])
            term.values[anchor] += weight * violation
            term.depend(anchor, onSimilarity: anchor, row, by: -weight * DistanceMeasure.euclidean.slope(batch, anchor, row))
        }
    }

    private func addOrder<Scalar>(
        _ plan: AnchorPlan, _ anchor: Int, _ batch: DescriptorBatch<Scalar>, _ term: inout LossTerm<Scalar>
    ) {
        let count = plan.negatives.count
        guard count > 1 else { return }
        let pairs = Double(count * (count - 1) / 2)
        let weight = Scalar(parameters.balance * parameters.orderWeight / pairs), spacing = Scalar(parameters.rankSpacing)
        for a in 0..<count {
            for b in a + 1..<count {
                let (near, far) = (plan.negatives[a], plan.negatives[b])
                let violation = batch.distances[anchor, near] - batch.distances[anchor, far] + spacing
                guard violation > 0 else { continue }
                term.values[anchor] += weight * violation
                term.depend(
                    anchor, onSimilarity: anchor, near, by: weight * DistanceMeasure.euclidean.slope(batch, anchor, near))
                term.depend(
                    anchor, onSimilarity: anchor, far, by: -weight * DistanceMeasure.euclidean.slope(batch, anchor, far))
            }
        }
    }
}
