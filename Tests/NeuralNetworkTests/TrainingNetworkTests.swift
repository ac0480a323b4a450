import Foundation
import Kernels
import Testing

@testable import NeuralNetwork

/// Backward passes of whole networks against PyTorch's (Fixtures, made by make_training_fixtures.py).
@Suite struct TrainingNetworkTests {
    @Test(arguments: [("lite0", Architecture.efficientNetLite0, 1), ("lite0", .efficientNetLite0, 3), ("resnet18", .resNet18, 3)])
    func gradientsEqualPyTorchs(_ network: (name: String, architecture: Architecture, partSize: Int)) throws {
        let images = 3, partSize = network.partSize
        let engine = try Engine(threads: 1)
        let graph = network.architecture.graph(side: 64)
        let parameters = try NetworkParameters(graph, from: SeededWeights.file(for: graph))
        let training = try TrainingNetwork(graph, partSize: partSize, parts: images / partSize, on: engine)
        try training.load(parameters.folded())
        // Twice: what a step leaves behind must not reach the next.
        for _ in 0..<2 {
            training.clearGradients()
            try run(training, images: images)
        }
        let gradients = parameters.gradients(ofFolded: try training.gradients())
        let expected = try reference("\(network.name)-gradients")
        #expect(expected.count == gradients.count)
        for (name, length, projection) in expected {
            let gradient = try #require(gradients[name], "\(name)")
            let probe = SeededWeights.uniform("probe \(name)", gradient.count)
            let ours = product(gradient, probe), ourLength = product(gradient, gradient).squareRoot()
            #expect(abs(ourLength - length) < 1e-4 * length, "\(name): length \(ourLength), not \(length)")
            #expect(abs(ours - projection) < 1e-4 * length, "\(name): product \(ours), not \(projection)")
        }
    }

    @Test func theForwardPassIsThatOfInference() throws {
        let engine = try Engine(threads: 1)
        let graph = Architecture.efficientNetLite0.graph(side: 64)
        let file = try SeededWeights.file(for: graph)
        let inference = try InferenceNetwork(
            graph, weights: file, sharing: PackedWeights(), type: .float32, batch: 1, on: engine)
        let training = try TrainingNetwork(graph, partSize: 1, parts: 1, on: engine)
        try training.load(NetworkParameters(graph, from: file).folded())
        let pixels = SeededWeights.uniform("input", 3 * 64 * 64)
        inference.input.assign(pixels)
        training.input(of: 0).assign(pixels)
        try inference.run()
        try training.forward(0)
        let worst = zip(inference.features.values, training.features(of: 0).values).map { abs($0 - $1) }.max()!
        #expect(worst < 1e-4)
    }

    private func run(_ training: TrainingNetwork, images: Int) throws {
        let side = training.graph.side, size = training.partSize
        let pixels = SeededWeights.uniform("input", images * 3 * side * side)
        for part in 0..<training.parts {
            let count = training.input(of: part).values.count
            training.input(of: part).assign(pixels[part * count..<(part + 1) * count])
            try training.forward(part)
        }
        let perImage = training.dFeatures.values.count / size
        let noise = SeededWeights.uniform("noise", images * perImage)
        for part in 0..<training.parts {
            training.dFeatures.assign(noise[part * size * perImage..<(part + 1) * size * perImage])
            try training.backward(part)
        }
    }

    private func product(_ a: [Float], _ b: [Float]) -> Double {
        var sum: [Float] = [0]
        matrixMultiply(&sum, a, b, rows: 1, inner: a.count, columns: 1)
        return Double(sum[0])
    }

    private func reference(_ name: String) throws -> [(name: String, length: Double, product: Double)] {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: "tsv"))
        return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map { line in
            let fields = line.split(separator: "\t")
            return (String(fields[0]), try #require(Double(fields[1])), try #require(Double(fields[2])))
        }
    }
}
