import Foundation
import Testing

@testable import Kernels

@Suite struct PoolingTests {
    @Test(arguments: [GlobalPooling.spoc, .max, .gem(p: 3), .gem(p: 2.5)])
    func equalsItsDefinition(_ pooling: GlobalPooling) throws {
        let engine = try Engine(threads: 1)
        let (batch, channels, positions) = (2, 20, 6)
        let map = try Tensor(.images(batch: batch, channels: channels, height: 2, width: 3), on: engine)
        map.assign(noise(batch * channels * positions, seed: 7))
        let pooled = try Tensor(.matrix(rows: batch, columns: channels), on: engine)
        pool(map, by: pooling, into: pooled)

        let x = map.values
        for n in 0..<batch {
            for c in 0..<channels {
                let column = (0..<positions).map { Double(x[(n * positions + $0) * channels + c]) }
                let expected =
                    switch pooling {
                    case .spoc: column.reduce(0, +) / Double(positions)
                    case .max: column.max()!
                    case .gem(let p):
                        pow(column.map { pow(Swift.max($0, 1e-6), Double(p)) }.reduce(0, +) / Double(positions), 1 / Double(p))
                    }
                #expect(abs(Double(pooled.values[n * channels + c]) - expected) < 1e-5)
            }
        }
    }

    @Test func rowsGetLengthOneAndZerosStayZeros() throws {
        let engine = try Engine(threads: 1)
        let matrix = try Tensor(.matrix(rows: 2, columns: 3), on: engine)
        matrix.assign([3, 0, 4, 0, 0, 0])
        normaliseRows(matrix)
        #expect(matrix.values == [0.6, 0, 0.8, 0, 0, 0])
    }

    @Test func linearLayerEqualsTheProduct() throws {
        let engine = try Engine(threads: 1)
        let input = try Tensor(.matrix(rows: 2, columns: 50), on: engine)
        let output = try Tensor(.matrix(rows: 2, columns: 7), on: engine)
        let weights = noise(350, seed: 8), bias = noise(7, seed: 9)
        input.assign(noise(100, seed: 10))
        try Linear(input: input, weights: weights, bias: bias, output: output, on: engine).execute()
        for r in 0..<2 {
            for o in 0..<7 {
                let product = (0..<50).reduce(Double(bias[o])) {
                    $0 + Double(input.values[r * 50 + $1]) * Double(weights[o * 50 + $1])
                }
                #expect(abs(Double(output.values[r * 7 + o]) - product) < 1e-5)
            }
        }
    }
}
