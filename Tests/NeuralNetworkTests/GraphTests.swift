import Kernels
import Testing

@testable import NeuralNetwork

@Suite struct GraphTests {
    /// The published multiply-adds of the networks in millions, less the classifier (1.28 for EfficientNet-Lite: 385).
    @Test(arguments: [
        (Architecture.efficientNetLite0, 383...384), (.efficientNetLite2, 855...865), (.resNet18, 1812...1815),
        (.resNet50, 4085...4090),
    ])
    func costsWhatThePublishedNetworkCosts(_ architecture: Architecture, _ millions: ClosedRange<Int>) {
        #expect(millions.contains(architecture.graph().multiplyAdds / 1_000_000), "\(architecture.graph().multiplyAdds)")
    }

    @Test(arguments: Architecture.allCases)
    func valuesThatLiveTogetherNeverShareMemory(_ architecture: Architecture) {
        let graph = architecture.graph()
        let residuals: [Int?] = graph.nodes.map {
            if case .convolution(let c) = $0.operation { c.residual } else { nil }
        }
        let sizes = [graph.side * graph.side * 3] + graph.nodes.map { node in
            let s = switch node.operation { case .convolution(let c): c.shape; case .maxPooling(let s): s }
            return s.outputChannels * s.outputHeight * s.outputWidth
        }
        let readers = zip(graph.nodes, residuals).map { node, residual in [node.input] + (residual.map { [$0] } ?? []) }
        let plan = MemoryPlan(sizes: sizes, readers: readers, aliases: residuals)

        // Replay: each node finds what it reads still there.
        var owner = [Int: Int]()  // by 64-byte line
        func write(_ value: Int) {
            for line in plan.offsets[value] / 64..<(plan.offsets[value] + sizes[value] + 63) / 64 { owner[line] = value }
        }
        func holds(_ value: Int) -> Bool {
            (plan.offsets[value] / 64..<(plan.offsets[value] + sizes[value]) / 64).allSatisfy { owner[$0] == value }
        }
        write(0)
        for node in graph.nodes.indices {
            for value in readers[node] { #expect(holds(value), "node \(node) reads value \(value)") }
            if residuals[node] == nil {
                let output = plan.offsets[node + 1]..<plan.offsets[node + 1] + sizes[node + 1]
                let input = plan.offsets[readers[node][0]]..<plan.offsets[readers[node][0]] + sizes[readers[node][0]]
                #expect(!output.overlaps(input), "node \(node) writes over its input")
            }
            write(node + 1)
        }
        #expect(plan.byteCount < sizes.reduce(0, +) / 2)
    }
}
