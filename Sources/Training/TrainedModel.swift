import Embedding
import Foundation
import Kernels
import MetricLearning
import NeuralNetwork

/// A network with a projection, as it stands in training.
public struct TrainedModel: Sendable {
    static let projectionWeight = "projection.weight", projectionBias = "projection.bias"

    let backbone: EncoderModel
    let preprocessing: Preprocessing
    let pooling: GlobalPooling
    var network: NetworkParameters
    /// dimension × channels, and dimension.
    var projection: (weight: [Float], bias: [Float])

    var dimension: Int { projection.bias.count }
    var channels: Int { network.graph.featureChannels }

    /// z = P x + b, a row for each row of pooled features.
    func project(_ pooled: [Float]) -> Matrix<Float> {
        let rows = pooled.count / channels
        var z = Matrix<Float>(rows: rows, columns: dimension)
        matrixMultiply(
            &z.elements, pooled, projection.weight, rows: rows, inner: channels, columns: dimension, transposeB: true)
        for row in 0..<rows { for k in 0..<dimension { z.elements[row * dimension + k] += projection.bias[k] } }
        return z
    }

    /// ∂L/∂pooled and the projection's gradients, from ∂L/∂z.
    func projectBackward(_ dz: Matrix<Float>, pooled: [Float]) -> (dPooled: [Float], dWeight: [Float], dBias: [Float]) {
        var dPooled = [Float](repeating: 0, count: pooled.count)
        matrixMultiply(
            &dPooled, dz.elements, projection.weight, rows: dz.rows, inner: dimension, columns: channels)
        var dWeight = [Float](repeating: 0, count: dimension * channels)
        matrixMultiply(
            &dWeight, dz.elements, pooled, rows: dimension, inner: dz.rows, columns: channels, transposeA: true)
        var dBias = [Float](repeating: 0, count: dimension)
        for row in 0..<dz.rows { for k in 0..<dimension { dBias[k] += dz[row, k] } }
        return (dPooled, dWeight, dBias)
    }

    /// The same with its network's weights moved towards the backbone's, by a share from 0 to 1; the projection stays.
    /// - Throws: `ModelFileError` where the backbone's file cannot be read.
    func averaged(withBackbone share: Double) throws -> TrainedModel {
        guard share > 0 else { return self }
        let start = try NetworkParameters(network.graph, from: backbone.weights).all
        var averaged = self
        for (name, values) in network.all {
            averaged.network.all[name] = zip(values, start[name]!).map { Float((1 - share) * Double($0) + share * Double($1)) }
        }
        return averaged
    }

    /// The file's tensors: convolutions and the projection in 16 bits (binary16 keeps 11 of fraction), norms in float32.
    func tensors(_ dtype: SafeTensors.DType = .float16) -> [String: SafeTensors.Content] {
        var contents: [String: SafeTensors.Content] = [:]
        for (name, values) in network.values {
            let shape = network.shapes[name]!
            contents[name] = .init(shape: shape, values: values, dtype: shape.count > 1 ? dtype : .float32)
        }
        for (name, values) in network.statistics { contents[name] = .init(shape: [values.count], values: values) }
        contents[Self.projectionWeight] = .init(shape: [dimension, channels], values: projection.weight, dtype: dtype)
        contents[Self.projectionBias] = .init(shape: [dimension], values: projection.bias)
        return contents
    }

    /// What the file says of itself.
    func metadata(name: String, training: String) -> [String: String] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]  // equal trainings give equal files
        let preprocessing = try! encoder.encode(self.preprocessing)  // numbers and a name
        return [
            "format": EncoderModel.format, "name": name, "architecture": backbone.architecture.rawValue,
            "pooling": pooling.text, "preprocessing": String(decoding: preprocessing, as: UTF8.self),
            "source": "trained from \(backbone.name)", "training": training,
            "licence": backbone.licence ?? "unknown",
        ]
    }

    /// Writes the model file, whole or not at all.
    /// - Throws: `ModelFileError`.
    public func write(to path: String, training: TrainingOptions) throws {
        let name = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
        let averaged = try averaged(withBackbone: training.backboneShare)
        try SafeTensors.write(averaged.tensors(), metadata: metadata(name: name, training: training.json), to: path)
    }
}
