import Kernels

/// A loss over a batch of descriptors, in three steps that compose: a selection (mining, ranks and weights, which carry
/// no gradient), terms over the selected pairs, and a reducer that makes one number of each term.
public protocol MetricLoss: Sendable {
    /// What mining fixed. Holding it fixed makes the loss a smooth function of the descriptors, away from its kinks.
    associatedtype Selection: Sendable

    var reducer: Reducer { get }

    /// Which pairs count, and by how much.
    /// - Throws: `MetricLearningError` for a batch that the loss is not defined on.
    func select<Scalar>(in batch: DescriptorBatch<Scalar>) throws(MetricLearningError) -> Selection

    /// The loss's terms; their reduced values add up to the loss.
    func terms<Scalar>(of batch: DescriptorBatch<Scalar>, over selection: Selection) -> [LossTerm<Scalar>]
}

extension MetricLoss {
    /// The loss and its gradient w.r.t. the unnormalised descriptors.
    /// - Throws: `MetricLearningError` for a batch that the loss is not defined on, or descriptors that are not finite.
    public func evaluate<Scalar>(
        descriptors z: Matrix<Scalar>, labels: [Int]
    ) throws(MetricLearningError) -> LossResult<Scalar> {
        let batch = try DescriptorBatch(descriptors: z, labels: labels)
        return evaluate(batch, over: try select(in: batch))
    }

    /// The loss and its gradient over a selection made earlier.
    public func evaluate<Scalar>(_ batch: DescriptorBatch<Scalar>, over selection: Selection) -> LossResult<Scalar> {
        reduce(terms(of: batch, over: selection), by: reducer, batch)
    }
}

@specialized(where Scalar == Float)
@specialized(where Scalar == Double)
private func reduce<Scalar: LinearAlgebraScalar>(
    _ terms: [LossTerm<Scalar>], by reducer: Reducer, _ batch: DescriptorBatch<Scalar>
) -> LossResult<Scalar> {
    var dSimilarities = Matrix<Scalar>(rows: batch.count, columns: batch.count)
    var total: Scalar = 0
    var parts: [LossResult<Scalar>.Part] = []
    for term in terms {
        let (value, weight) = reducer.reduce(term.values)
        total += value
        parts.append(.init(name: term.name, value: value, active: term.values.count { $0 > 0 }, of: term.values.count))
        for partial in term.partials where reducer.counts(term.values[partial.element]) {
            dSimilarities.elements[partial.i * batch.count + partial.j] += weight * partial.slope
        }
    }
    return LossResult(value: total, gradient: batch.gradient(ofSimilarities: dSimilarities), parts: parts)
}
