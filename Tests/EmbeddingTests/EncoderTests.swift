import Foundation
import Kernels
import Testing
import TileGrid

@testable import Embedding
@testable import NeuralNetwork

/// The pretrained encoders against PyTorch's outputs (Fixtures, made by make_fixtures.py). The weights are no part of
/// the repository: scripts/setup installs them, and these tests fail without.
@Suite struct EncoderTests {
    @Test func lite0EqualsPyTorchOnAHundredTiles() throws { try compareLite0(.float32, least: 0.99999) }

    /// Open sea and plain desert are the hard ones in bfloat16: what rounding shifts there, it shifts at every position.
    @Test(.enabled(if: CPUFeatures.canComputeBFloat16, "did not run: this CPU has no AVX-512"))
    func lite0InBFloat16EqualsPyTorchOnAHundredTiles() throws { try compareLite0(.bfloat16, least: 0.999) }

    private func compareLite0(_ precision: EncoderPrecision, least: Double, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let encoder = try Encoder(model: .load(named: "efficientnet-lite0"), precision: precision, threads: 2)
        let vectors = try encoder.embed(Fixture.tiles(100))
        let cosines = zip(vectors.rows, try Fixture.descriptors("lite0-descriptors", count: 100)).map(cosine)
        let average = cosines.reduce(0, +) / 100, worst = cosines.min()!
        #expect(worst >= least, "worst cosine \(worst)", sourceLocation: sourceLocation)
        print("\(precision) against PyTorch: cosine \(average) on average, \(worst) at worst")
    }

    @Test func lite2EqualsPyTorch() throws {
        let encoder = try Encoder(model: .load(named: "efficientnet-lite2"), precision: .float32, threads: 2)
        let worst = try worstCosine(
            encoder.embed(Fixture.tiles(10)), Fixture.descriptors("lite2-descriptors", count: 10))
        #expect(worst >= 0.99999, "worst cosine \(worst)")
    }

    @Test(arguments: [EncoderPrecision.float32, .automatic])
    func aPhotographOfACatIsACat(_ precision: EncoderPrecision) throws {
        let encoder = try Encoder(model: .load(named: "efficientnet-lite0"), precision: precision, threads: 1)
        let photograph = try Fixture.image("chelsea-451x300", width: 451, height: 300)
        let logits = try encoder.classify([photograph])
        #expect(logits.dimension == 1000)
        let best = logits.values.indices.max { logits.values[$0] < logits.values[$1] }
        #expect(best == 285, "ImageNet class 285 is Egyptian cat")
    }

    @Test func aVectorDependsOnItsImageAlone() throws {
        let model = try EncoderModel.load(named: "efficientnet-lite0")
        let tiles = try Fixture.tiles(7)
        let one = try Encoder(model: model, precision: .float32, threads: 1)
        let together = try one.embed(tiles)
        let apart = try tiles.map { try one.embed([$0]).values }
        #expect(together.rows == apart)
        #expect(try Encoder(model: model, precision: .float32, threads: 3).embed(tiles) == together)
        let batched = try Encoder(model: model, precision: .float32, threads: 2, batch: 4).embed(tiles)
        #expect(cosines(batched, together).min()! > 0.999999, "the last batch is a partial one")
        for row in together.rows { #expect(abs(squaredLength(row) - 1) < 1e-5) }
        #expect(try one.embed([]).count == 0)
    }

    @Test(arguments: ["spoc", "max", "gem:3"], [true, false])
    func headsPoolProjectAndNormalise(_ pooling: String, _ projects: Bool) throws {
        let base = try EncoderModel.load(named: "efficientnet-lite0")
        var contents: [String: SafeTensors.Content] = [:]
        for (name, entry) in base.weights.entries where !name.hasPrefix("_fc") {
            contents[name] = .init(shape: entry.shape, values: try base.weights.values(name, shape: entry.shape))
        }
        let weights = (0..<8 * 1280).map { (i: Int) -> Float in Float((i * 7919) % 1009) / 504.5 - 1 }
        let bias = (0..<8).map { (i: Int) -> Float in Float(i) / 100 }
        if projects {
            contents["projection.weight"] = .init(shape: [8, 1280], values: weights)
            contents["projection.bias"] = .init(shape: [8], values: bias)
        }
        var metadata = base.weights.metadata
        metadata["pooling"] = pooling
        let file = try SafeTensors(data: SafeTensors.encode(contents, metadata: metadata), path: "made")
        let model = try EncoderModel(file, path: "made", sha256: "")
        #expect(model.dimension == (projects ? 8 : 1280))
        let tile = try Fixture.tiles(1)
        let vector = try Encoder(model: model, precision: .float32, threads: 1).embed(tile).values

        // The same by hand, from the features.
        let engine = try Engine(threads: 1)
        let network = try InferenceNetwork(
            model.graph, weights: file, sharing: PackedWeights(), type: .float32, batch: 1, on: engine)
        ImageResampler(side: 224, mean: model.preprocessing.mean, std: model.preprocessing.std)
            .write(tile[0].pixels, width: tile[0].width, height: tile[0].height, into: network.input, at: 0)
        try network.run()
        let features = network.features.values
        var expected = (0..<1280).map { (c: Int) -> Double in
            let column = (0..<49).map { (position: Int) -> Double in Double(features[position * 1280 + c]) }
            switch pooling {
            case "max": return column.max()!
            case "gem:3":
                let cubes = column.map { pow(max($0, 1e-6), 3) }
                return cbrt(cubes.reduce(0, +) / 49)
            default: return column.reduce(0, +) / 49
            }
        }
        if projects {
            let pooled = expected
            expected = (0..<8).map { o -> Double in
                var sum = Double(bias[o])
                for c in pooled.indices { sum += pooled[c] * Double(weights[o * 1280 + c]) }
                return sum
            }
        }
        let length = expected.map { $0 * $0 }.reduce(0, +).squareRoot()
        for (a, b) in zip(vector, expected) { #expect(abs(Double(a) - b / length) < 1e-5) }
    }

    @Test func modelsSayWhatTheyAre() throws {
        let model = try EncoderModel.load(named: "efficientnet-lite0")
        #expect(model.architecture == .efficientNetLite0)
        #expect(model.dimension == 1280)
        #expect(model.classCount == 1000)
        #expect(model.weightsSHA256.count == 64)
        #expect(
            model.preprocessingJSON
                == #"{"architecture":"efficientnet-lite0","pooling":"spoc","preprocessing":{"interpolation":"bilinear-antialias","mean":[127,127,127],"side":224,"std":[128,128,128]},"projection":false}"#
        )
    }

    @Test(arguments: [
        ("format", "other", "format \"other\""), ("architecture", "vgg", "architecture \"vgg\" is unknown"),
        ("pooling", "gem:-1", "pooling"), ("preprocessing", "{}", "preprocessing"),
        ("preprocessing", #"{"side":5,"mean":[0,0,0],"std":[1,1,1],"interpolation":"bilinear-antialias"}"#, "side of 5"),
        ("preprocessing", #"{"side":64,"mean":[0,0,0],"std":[1,0,1],"interpolation":"bilinear-antialias"}"#, "std"),
    ])
    func unusableModelsAreRefused(_ key: String, _ value: String, _ fault: String) throws {
        var metadata = [
            "format": "tilescout-model-1", "name": "x", "architecture": "resnet18", "pooling": "spoc",
            "preprocessing": #"{"side":64,"mean":[0,0,0],"std":[1,1,1],"interpolation":"bilinear-antialias"}"#,
        ]
        metadata[key] = value
        let file = try SafeTensors(data: SafeTensors.encode([:], metadata: metadata), path: "x.safetensors")
        let error = #expect(throws: ModelFileError.self) { try EncoderModel(file, path: "x.safetensors", sha256: "") }
        #expect(error?.description.contains(fault) == true, "\(error?.description ?? "")")
    }

    /// A kernel's max(x, 0) takes NaN for 0: such a model would give vectors, and wrong ones.
    @Test(arguments: SafeTensors.DType.allCases, [Float.nan, .infinity, -.infinity])
    func weightsThatAreNoNumbersAreRefused(_ dtype: SafeTensors.DType, _ value: Float) throws {
        let base = try EncoderModel.load(named: "efficientnet-lite0").weights
        var contents: [String: SafeTensors.Content] = [:]
        for (name, entry) in base.entries where !name.hasPrefix("_fc") {
            contents[name] = .init(shape: entry.shape, values: try base.values(name, shape: entry.shape))
        }
        let name = "_blocks.3._depthwise_conv.weight", sound = try #require(contents[name])
        var values = sound.values
        values[values.count / 2] = value
        contents[name] = .init(shape: sound.shape, values: values, dtype: dtype)
        let error = #expect(throws: ModelFileError.self) { try EncoderModel.make(contents, metadata: base.metadata) }
        #expect(error?.description.contains("tensor \(name) has a value that is not finite") == true, "\(error?.description ?? "")")
    }

    @Test func anAbsentModelSaysWhereItWasLookedFor() {
        let error = #expect(throws: ModelFileError.self) { try EncoderModel.load(named: "none", in: ["/a", "/b"]) }
        #expect(error?.description.contains("/a, /b") == true)
        #expect(error?.description.contains("scripts/setup") == true)
    }

    private func worstCosine(_ a: Embeddings, _ b: [[Float]]) -> Double {
        precondition(a.count == b.count)
        return zip(a.rows, b).map(cosine).min()!
    }

    private func cosines(_ a: Embeddings, _ b: Embeddings) -> [Double] { zip(a.rows, b.rows).map(cosine) }

    private func cosine(_ a: [Float], _ b: [Float]) -> Double {
        dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
    }

    private func squaredLength(_ a: [Float]) -> Double { dot(a, a) }

    private func dot(_ a: [Float], _ b: [Float]) -> Double {
        var sum = 0.0
        for (x, y) in zip(a, b) { sum += Double(x) * Double(y) }
        return sum
    }
}

/// Images and reference vectors beside the tests.
enum Fixture {
    static func data(_ name: String, _ suffix: String) throws -> Data {
        try Data(contentsOf: #require(Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: suffix)))
    }

    static func image(_ name: String, width: Int, height: Int) throws -> TileImage {
        TileImage(width: width, height: height, pixels: [UInt8](try data(name, "rgb")))
    }

    /// Squares of 128 to 256 pixels all over a piece of the Blue Marble.
    static func tiles(_ count: Int) throws -> [TileImage] {
        let side = 400
        let earth = try image("blue-marble-400x400", width: side, height: side)
        return (0..<count).map { i -> TileImage in
            let size = 128 + i * 37 % 129
            let x = i * 97 % (side - size + 1), y = i * 61 % (side - size + 1)
            var rows: [UInt8] = []
            for row in y..<y + size { rows += earth.pixels[(row * side + x) * 3..<(row * side + x + size) * 3] }
            return TileImage(width: size, height: size, pixels: rows)
        }
    }

    static func descriptors(_ name: String, count: Int) throws -> [[Float]] {
        let data = try data(name, "f16")
        let width = data.count / 2 / count
        return data.withUnsafeBytes { raw in
            (0..<count).map { row in
                (0..<width).map { column in
                    let bits = raw.loadUnaligned(fromByteOffset: (row * width + column) * 2, as: UInt16.self)
                    return SafeTensors.half(UInt16(littleEndian: bits))
                }
            }
        }
    }
}
