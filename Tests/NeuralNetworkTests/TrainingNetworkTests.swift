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
        try training.load(parameters.convolutions(.frozen))
        // Twice: what a step leaves behind must not reach the next.
        for _ in 0..<2 {
            training.clearGradients()
            try run(training, images: images)
        }
        try compare(parameters.gradients(of: training.gradients()), "\(network.name)-gradients")
    }

    /// All images in one part: the norms see the batch that PyTorch's see.
    @Test(arguments: [("lite0", Architecture.efficientNetLite0), ("resnet18", .resNet18)])
    func gradientsThroughTheBatchsNormsEqualPyTorchs(_ network: (name: String, architecture: Architecture)) throws {
        let images = 3
        let graph = network.architecture.graph(side: 64)
        var parameters = try NetworkParameters(graph, from: SeededWeights.file(for: graph))
        let training = try TrainingNetwork(graph, norms: .batch, partSize: images, parts: 1, on: Engine(threads: 1))
        try training.load(parameters.convolutions(.batch))
        for _ in 0..<2 {
            training.clearGradients()
            try run(training, images: images)
        }
        let gradients = try parameters.gradients(of: training.gradients())
        parameters.follow(training.statistics)
        // Twelve values a channel in the last layers: rounding one moves the others. PyTorch's own float32 is 1.3e-3 off.
        try compare(gradients.merging(parameters.statistics) { $1 }, "\(network.name)-batch-gradients", tolerance: 5e-3)
    }

    private func compare(_ tensors: [String: [Float]], _ fixture: String, tolerance: Double = 1e-4) throws {
        let expected = try reference(fixture)
        #expect(expected.count == tensors.count)
        for (name, length, projection) in expected {
            let tensor = try #require(tensors[name], "\(name)")
            let probe = SeededWeights.uniform("probe \(name)", tensor.count)
            let ours = product(tensor, probe), ourLength = product(tensor, tensor).squareRoot()
            if length < 1e-9 {
                // A shift that the next norm takes away again: its gradient is zero, but for rounding.
                #expect(ourLength < 1e-2, "\(name): length \(ourLength), not 0")
                continue
            }
            #expect(abs(ourLength - length) < tolerance * length, "\(name): length \(ourLength), not \(length)")
            #expect(abs(ours - projection) < tolerance * length, "\(name): product \(ours), not \(projection)")
        }
    }

    @Test func theForwardPassIsThatOfInference() throws {
        let engine = try Engine(threads: 1)
        let graph = Architecture.efficientNetLite0.graph(side: 64)
        let file = try SeededWeights.file(for: graph)
        let inference = try InferenceNetwork(
            graph, weights: file, sharing: PackedWeights(), type: .float32, batch: 1, on: engine)
        let training = try TrainingNetwork(graph, partSize: 1, parts: 1, on: engine)
        try training.load(NetworkParameters(graph, from: file).convolutions(.frozen))
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
