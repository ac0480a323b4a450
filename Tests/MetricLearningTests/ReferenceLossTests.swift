import Kernels
import Testing

@testable import MetricLearning

@Suite("Rivals agree with pytorch-metric-learning 2.9.0")
struct ReferenceLossTests {
    struct Settings: Decodable {
        var loss: String
        var measure: DistanceMeasure?
        var reducer: Reducer?
        var mining: String?
        var margin, positiveMargin, negativeMargin: Double?
        var alpha, beta, base, balance, positiveTemperature, negativeTemperature: Double?
    }
    struct Case: Decodable {
        var settings: Settings
        var value: Double
        var gradient: [Double]
    }
    struct Batch: Decodable {
        var rows, columns: Int
        var descriptors: [Double]
        var labels: [Int]
        var cases: [Case]

        func matrix<Scalar: LinearAlgebraScalar>(_: Scalar.Type) -> Matrix<Scalar> {
            Matrix(rows: rows, columns: columns, elements: descriptors.map { Scalar($0) })
        }
    }

    static func loss(_ s: Settings) throws -> any MetricLoss {
        switch (s.loss, s.mining) {
        case ("contrastive", _):
            return ContrastiveLoss(
                positiveMargin: s.positiveMargin!, negativeMargin: s.negativeMargin!, measure: s.measure!, reducer: s.reducer!)
        case ("triplet", "all"): return TripletLoss(margin: s.margin!, measure: s.measure!, miner: AllTriplets())
        case ("triplet", "semiHard"):
            return TripletLoss(
                margin: s.margin!, measure: s.measure!, miner: SemiHardTriplets(margin: s.margin!, measure: s.measure!))
        case ("triplet", "batchHard"): return TripletLoss(margin: s.margin!, measure: s.measure!, miner: BatchHardTriplets())
        case ("rankedList", _):
            return RankedListLoss(
                alpha: s.alpha!, margin: s.margin!, balance: s.balance!, positiveTemperature: s.positiveTemperature!,
                negativeTemperature: s.negativeTemperature!, denominatorOffset: 1e-5)
        case ("multiSimilarity", "all"):
            return MultiSimilarityLoss(alpha: s.alpha!, beta: s.beta!, base: s.base!, miner: AllPairs())
        case ("multiSimilarity", _): return MultiSimilarityLoss(alpha: s.alpha!, beta: s.beta!, base: s.base!)
        default: throw MetricLearningError(operation: "read a fixture", subject: s.loss, reason: "unknown")
        }
    }

    private func evaluate<Scalar>(
        _ loss: some MetricLoss, _ batch: Batch, _: Scalar.Type
    ) throws -> LossResult<Scalar> {
        try loss.evaluate(descriptors: batch.matrix(Scalar.self), labels: batch.labels)
    }

    @Test func valueAndGradientInDouble() throws {
        var compared = 0
        for batch in try fixture("losses.json", as: [Batch].self) {
            for entry in batch.cases {
                let result = try evaluate(Self.loss(entry.settings), batch, Double.self)
                #expect(abs(result.value - entry.value) <= 1e-9, "\(entry.settings)")
                let error = zip(result.gradient.elements, entry.gradient).map { abs($0 - $1) }.max() ?? .infinity
                #expect(error <= 1e-9, "\(entry.settings)")
                compared += 1
            }
        }
        #expect(compared == 57)
    }

    @Test func floatFollowsDouble() throws {
        for batch in try fixture("losses.json", as: [Batch].self) {
            for entry in batch.cases {
                let result = try evaluate(Self.loss(entry.settings), batch, Float.self)
                #expect(abs(Double(result.value) - entry.value) <= 2e-5 * max(1, entry.value), "\(entry.settings)")
                let error = zip(result.gradient.elements, entry.gradient).map { abs(Double($0) - $1) }.max() ?? .infinity
                #expect(error <= 2e-4, "\(entry.settings)")
            }
        }
    }
}
