import Foundation
import Testing

@testable import Training

@Suite struct OptimizerTests {
    private struct Fixture: Decodable {
        let start: [Float], gradients: [[Float]], rates: [Float], decay: Float
        let sgd: [Float], adamw: [Float]
    }

    @Test(arguments: OptimizerKind.allCases)
    func stepsAsPyTorchDoes(_ kind: OptimizerKind) throws {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/optimizers", withExtension: "json"))
        let fixture = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
        var optimizer = Optimizer(kind), parameters = ["w": fixture.start]
        for (gradient, rate) in zip(fixture.gradients, fixture.rates) {
            optimizer.step(&parameters, ["w": gradient]) { _ in rate } decay: { _ in fixture.decay }
        }
        let expected = kind == .sgd ? fixture.sgd : fixture.adamw
        for (ours, theirs) in zip(parameters["w"]!, expected) { #expect(abs(ours - theirs) < 1e-5) }
    }

    @Test func clippingKeepsTheDirection() {
        var gradients: [String: [Float]] = ["a": [3, 0], "b": [0, -4]]
        #expect(clip(&gradients, to: 10) == 5)
        #expect(gradients == ["a": [3, 0], "b": [0, -4]])
        #expect(clip(&gradients, to: 1) == 5)
        #expect(abs(gradients["a"]![0] - 0.6) < 1e-6 && abs(gradients["b"]![1] + 0.8) < 1e-6)
    }

    @Test func theRateWarmsUpAndFallsToNothing() {
        let options = TrainingOptions()
        let rates = (0..<200).map { options.rate(step: $0, of: 200) }
        #expect(rates[..<20].elementsEqual(rates[..<20].sorted()))
        #expect(abs(rates.max()! - options.learningRate) < 1e-12)
        #expect(rates[20...].elementsEqual(rates[20...].sorted(by: >)))
        #expect(rates.last! < 0.001 * options.learningRate)
    }
}
