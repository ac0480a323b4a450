import Crypto
import Foundation
import Kernels
import NeuralNetwork

/// A trained model as its file describes it: weights, network, preprocessing, pooling, projection. A value, and
/// immutable: encoders on any number of threads are made from one.
///
/// The file is safetensors; its metadata say `format` (tilescout-model-1), `name`, `architecture`, `pooling` (`spoc`,
/// `max`, `gem:3`), `preprocessing` (JSON), `source` and `licence`. The tensors `projection.weight` (dimension ×
/// channels) and `projection.bias`, where present, make the descriptor out of the pooled features.
public struct EncoderModel: Sendable {
    public static let format = "tilescout-model-1"

    public let name: String
    public let path: String
    public let architecture: Architecture
    public let preprocessing: Preprocessing
    public let pooling: GlobalPooling
    /// Length of the vectors.
    public let dimension: Int
    /// SHA-256 of the file, hexadecimal: what identifies the model.
    public let weightsSHA256: String
    public let source: String?
    public let licence: String?

    /// The file's tensors.
    public let weights: SafeTensors
    let graph: NetworkGraph
    /// Packed once, whatever the number of encoders.
    let packed: [ElementType: PackedWeights]

    /// Number of classes of the classifier that the file holds, or nil.
    public var classCount: Int? { weights.entries["\(graph.classifier).bias"]?.elementCount }
    /// True where a linear layer follows the pooling.
    public var hasProjection: Bool { weights.entries["projection.weight"] != nil }

    /// Everything but the weights that a vector depends on, as canonical JSON: stored with the model, compared on use.
    public var preprocessingJSON: String {
        struct Description: Encodable {
            let architecture: Architecture
            let pooling: String
            let projection: Bool
            let preprocessing: Preprocessing
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let description = Description(
            architecture: architecture, pooling: pooling.text, projection: hasProjection,
            preprocessing: preprocessing)
        // Numbers, strings and booleans: this cannot fail.
        return String(decoding: try! encoder.encode(description), as: UTF8.self)
    }

    /// Reads a model file.
    /// - Throws: `ModelFileError` for a file that is no safetensors file, lacks metadata or weights, has weights that are not
    ///   finite, or names an unknown architecture, pooling or interpolation.
    public static func load(path: String) throws -> EncoderModel {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw ModelFileError(operation: "load model", path: path, reason: (error as NSError).localizedDescription)
        }
        return try EncoderModel(data: data, path: path)
    }

    /// A model out of tensors in memory, as if read from a file.
    /// - Throws: `ModelFileError` as `load` does.
    public static func make(_ tensors: [String: SafeTensors.Content], metadata: [String: String]) throws -> EncoderModel {
        try EncoderModel(data: SafeTensors.encode(tensors, metadata: metadata), path: "memory")
    }

    private init(data: Data, path: String) throws {
        let digest = SHA256.hash(data: data).map { String(format: "%02x", $0) }.joined()
        try self.init(SafeTensors(data: data, path: path), path: path, sha256: digest)
    }

    init(_ weights: SafeTensors, path: String, sha256: String) throws {
        func refuse(_ reason: String) -> ModelFileError {
            ModelFileError(operation: "load model", path: path, reason: reason)
        }
        let metadata = weights.metadata
        func text(_ key: String) throws -> String {
            guard let value = metadata[key] else { throw refuse("its metadata lack \"\(key)\"") }
            return value
        }
        let format = try text("format")
        guard format == EncoderModel.format else {
            throw refuse("format \"\(format)\"; this program reads \(EncoderModel.format)")
        }
        let architectureName = try text("architecture")
        guard let architecture = Architecture(rawValue: architectureName) else {
            let known = Architecture.allCases.map(\.rawValue).joined(separator: ", ")
            throw refuse("architecture \"\(architectureName)\" is unknown (\(known))")
        }
        guard let pooling = GlobalPooling(text: try text("pooling")) else {
            throw refuse("pooling \"\(metadata["pooling"]!)\" is unknown (spoc, max, gem:P)")
        }
        guard
            let preprocessing = try? JSONDecoder().decode(
                Preprocessing.self, from: Data(try text("preprocessing").utf8))
        else { throw refuse("its preprocessing is not understood: \(metadata["preprocessing"]!)") }
        if let fault = preprocessing.fault { throw refuse("its preprocessing has \(fault)") }

        self.name = try text("name")
        self.path = path
        self.architecture = architecture
        self.preprocessing = preprocessing
        self.pooling = pooling
        self.weightsSHA256 = sha256
        self.source = metadata["source"]
        self.licence = metadata["licence"]
        self.weights = weights
        self.graph = architecture.graph(side: preprocessing.side)
        self.packed = Dictionary(uniqueKeysWithValues: ElementType.allCases.map { ($0, PackedWeights()) })
        if let projection = weights.entries["projection.weight"] {
            guard projection.shape.count == 2, projection.shape[1] == graph.featureChannels, projection.shape[0] > 0
            else { throw refuse("its projection is \(projection.shape), not dimension × \(graph.featureChannels)") }
            guard weights.entries["projection.bias"].map({ $0.shape == [projection.shape[0]] }) ?? true else {
                throw refuse("its projection's bias does not fit the projection")
            }
            dimension = projection.shape[0]
        } else {
            dimension = graph.featureChannels
        }
        if let fault = graph.missingTensor(in: weights) { throw refuse(fault) }
        // Kernels clamp with maxima that take NaN for their lower bound: vectors would be finite, and wrong.
        if let fault = try weights.nonFiniteTensor() { throw refuse(fault) }
    }
}

extension GlobalPooling {
    /// The name in model files: `spoc`, `max`, `gem:3`.
    public var text: String {
        switch self {
        case .spoc: "spoc"
        case .max: "max"
        case .gem(let p): "gem:\(p)"
        }
    }

    public init?(text: String) {
        switch text {
        case "spoc": self = .spoc
        case "max": self = .max
        default:
            guard text.hasPrefix("gem:"), let p = Float(text.dropFirst(4)), p.isFinite, p > 0 else { return nil }
            self = .gem(p: p)
        }
    }
}
