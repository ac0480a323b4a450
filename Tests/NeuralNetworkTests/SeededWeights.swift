import Foundation
import Kernels

@testable import NeuralNetwork

/// Weights for a graph out of a hash: make_fixtures.py gives torchvision's networks the same ones.
enum SeededWeights {
    static func file(for graph: NetworkGraph) throws -> SafeTensors {
        var tensors: [String: SafeTensors.Content] = [:]
        for node in graph.nodes {
            guard case .convolution(let layer) = node.operation else { continue }
            let s = layer.shape
            let filters = [s.outputChannels, s.inputChannels / s.groups, s.kernel, s.kernel]
            tensors["\(layer.name).weight"] = content("\(layer.name).weight", filters)
            guard let norm = layer.norm else { continue }
            for part in ["weight", "bias", "running_mean", "running_var"] {
                tensors["\(norm).\(part)"] = content("\(norm).\(part)", [s.outputChannels])
            }
        }
        return try SafeTensors(data: SafeTensors.encode(tensors, metadata: [:]), path: "seeded")
    }

    static func content(_ name: String, _ shape: [Int]) -> SafeTensors.Content {
        let u = uniform(name, shape.reduce(1, *))
        let values: [Float]
        if shape.count > 1 {
            let bound = (Float(3) / Float(shape.dropFirst().reduce(1, *))).squareRoot()
            values = u.map { $0 * bound }
        } else if name.hasSuffix("running_var") || name.hasSuffix("weight") {
            values = u.map { 1 + 0.5 * $0 }
        } else {
            values = u.map { 0.1 * $0 }
        }
        return .init(shape: shape, values: values)
    }

    /// Uniform in −1…1: splitmix64 of the FNV-1a hash of the name plus the index.
    static func uniform(_ name: String, _ count: Int) -> [Float] {
        var seed: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { seed = (seed ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return [Float](unsafeUninitializedCapacity: count) { out, initialised in
            for i in 0..<count {
                var z = seed &+ UInt64(i + 1) &* 0x9e37_79b9_7f4a_7c15
                z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
                z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
                z ^= z >> 31
                (out.baseAddress! + i).initialize(to: Float(z >> 40) / 8_388_608 - 1)
            }
            initialised = count
        }
    }
}
