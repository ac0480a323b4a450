import Embedding
import Foundation
import MetricLearning
import TileGrid

/// What is done to a model's descriptors before they are compared.
public struct EvaluationOptions: Hashable, Sendable, Codable {
    /// PCA whitening to this many components, fitted on the training part; at most as many as that varies in.
    public var whitening: Int?
    /// Scales of the image whose descriptors are summed: 1 alone, or 0.7, 1, 1.4. A larger scale sees the centre.
    public var scales = [1.0]
    /// Gallery rows that a query is expanded by; 0 for none.
    public var expansion = 0

    public init() {}
}

/// A model's retrieval on labelled images: every image of the test part queries all the others of it.
public struct Evaluation: Sendable {
    public let report: RetrievalReport
    public let classes: [String]
    public let queries: ImageDataset
    private let task: RetrievalTask

    /// Images in memory at once: enough for every core, whatever the data set's size.
    private static let batch = 64

    /// - Parameters:
    ///   - training: images that whitening is fitted on; needed for it alone.
    /// - Throws: `TilingError` for an image that cannot be read, `TrainingError` for whitening to more components than the
    ///   training images tell, `MetricLearningError`, `EncoderError`.
    public init(
        model: EncoderModel, test: ImageDataset, training: ImageDataset? = nil, options: EvaluationOptions = EvaluationOptions(),
        precision: EncoderPrecision = .automatic
    ) throws {
        let encoder = try Encoder(model: model, precision: precision)
        var descriptors = try Evaluation.descriptors(of: test, encoder, options.scales)
        if let components = options.whitening {
            guard let training else { preconditionFailure("whitening without training images") }
            let fitted = try Evaluation.descriptors(of: training, encoder, options.scales)
            let whitening = try PCAWhitening(fitting: fitted, components: components, ridge: 1e-6)
            // The ridge keeps weak directions in bounds, but those without variance are noise, and would count as much as others.
            guard components <= whitening.rank else {
                throw TrainingError(
                    operation: "whiten to", subject: "\(components) components",
                    reason: "descriptors of the \(fitted.rows) training images vary in \(whitening.rank) directions", code: .input)
            }
            descriptors = whitening.transform(descriptors)
        }
        var task = try RetrievalTask.leaveOneOut(descriptors: descriptors, labels: test.labels)
        if options.expansion > 0 {
            task = try task.replacingQueries(expandedQueries(task, neighbours: options.expansion, alpha: 3))
        }
        report = try evaluateRetrieval(task)
        self.task = task
        classes = test.classes
        queries = test
    }

    /// Of each query the rows that it found first, at most `count`.
    public func answers(_ count: Int) -> [[Int]] {
        nearestNeighbours(task, count: count).map { $0.map(\.row) }
    }

    /// Unit descriptors, a row each; of several scales their unit sum.
    static func descriptors(of dataset: ImageDataset, _ encoder: Encoder, _ scales: [Double]) throws -> Matrix<Float> {
        var sum = Matrix<Float>(rows: dataset.items.count, columns: encoder.dimension)
        for start in stride(from: 0, to: sum.rows, by: batch) {
            let images = try dataset.load(start..<min(start + batch, sum.rows))
            for scale in scales {
                let seen = scale <= 1 ? images.map { shrunk($0, by: scale) } : images.map { centre($0, by: scale) }
                for (i, value) in try encoder.embed(seen).values.enumerated() { sum.elements[start * sum.columns + i] += value }
            }
        }
        return sum.normalisedRows()
    }

    /// The middle of an image, which the encoder then enlarges by `scale`.
    private static func centre(_ image: TileImage, by scale: Double) -> TileImage {
        let width = max(1, Int(Double(image.width) / scale)), height = max(1, Int(Double(image.height) / scale))
        let left = (image.width - width) / 2, top = (image.height - height) / 2
        var pixels: [UInt8] = []
        for y in top..<top + height {
            pixels += image.pixels[(y * image.width + left) * 3..<(y * image.width + left + width) * 3]
        }
        return TileImage(width: width, height: height, pixels: pixels)
    }

    /// The image mirrored outwards, so that the encoder reduces it by `scale` and sees no border.
    private static func shrunk(_ image: TileImage, by scale: Double) -> TileImage {
        guard scale < 1 else { return image }
        let width = Int(Double(image.width) / scale), height = Int(Double(image.height) / scale)
        func mirrored(_ place: Int, _ extent: Int) -> Int {
            let period = 2 * extent
            let folded = ((place % period) + period) % period
            return folded < extent ? folded : period - 1 - folded
        }
        let left = (width - image.width) / 2, top = (height - image.height) / 2
        let columns = (0..<width).map { mirrored($0 - left, image.width) * 3 }
        var pixels = [UInt8](repeating: 0, count: width * height * 3)
        for y in 0..<height {
            let row = mirrored(y - top, image.height) * image.width * 3
            for x in 0..<width {
                for channel in 0..<3 { pixels[(y * width + x) * 3 + channel] = image.pixels[row + columns[x] + channel] }
            }
        }
        return TileImage(width: width, height: height, pixels: pixels)
    }
}
