import Foundation
import Kernels
import Testing

@testable import NeuralNetwork

/// ResNets against torchvision's, on seeded weights and a 96-pixel input of noise (Fixtures, make_fixtures.py).
@Suite struct ResNetTests {
    @Test(arguments: [(Architecture.resNet18, ElementType.float32, 0.99999), (.resNet50, .float32, 0.99999)])
    func equalsTorchvision(_ architecture: Architecture, _ type: ElementType, _ least: Double) throws {
        let graph = architecture.graph(side: 96)
        let engine = try Engine(threads: 2)
        let network = try InferenceNetwork(
            graph, weights: SeededWeights.file(for: graph), sharing: PackedWeights(), type: type, batch: 1, on: engine)
        network.input.assign(SeededWeights.uniform("input", 96 * 96 * 3))
        try network.run()
        let pooled = try Tensor(.matrix(rows: 1, columns: graph.featureChannels), on: engine)
        pool(network.features, by: .spoc, into: pooled)
        let expected = try reference("\(architecture.rawValue)-features", count: graph.featureChannels)
        let cosine = cosine(pooled.values, expected)
        #expect(cosine >= least, "cosine \(cosine)")
        let worst = zip(pooled.values, expected).map { abs($0 - $1) }.max()!
        #expect(worst <= 1e-3 * expected.map(abs).max()!, "off by \(worst)")
    }

    @Test func aMissingTensorIsNamed() throws {
        let graph = Architecture.resNet18.graph(side: 96)
        let file = try SafeTensors(data: SafeTensors.encode([:], metadata: [:]), path: "empty.safetensors")
        #expect(graph.missingTensor(in: file)?.contains("bn1.bias") == true)
        #expect(throws: ModelFileError.self) {
            try InferenceNetwork(
                graph, weights: file, sharing: PackedWeights(), type: .float32, batch: 1, on: Engine(threads: 1))
        }
    }

    private func reference(_ name: String, count: Int) throws -> [Float] {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: "f32"))
        let data = try Data(contentsOf: url)
        try #require(data.count == count * 4)
        return data.withUnsafeBytes { raw in
            (0..<count).map { Float(bitPattern: raw.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self).littleEndian) }
        }
    }

    private func cosine(_ a: [Float], _ b: [Float]) -> Double {
        func dot(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
        return dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
    }
}
