import Foundation
import Kernels
import TileGrid

/// Makes vectors of tiles: equal images give equal vectors, whatever batch they come in.
///
/// An encoder has threads of its own, each with its own network over shared weights; a call blocks until they are done,
/// so call it from a thread that may block. One call at a time: not `Sendable`.
public final class Encoder {
    public let model: EncoderModel
    /// What the arithmetic is in.
    public let elementType: ElementType
    public let threads: Int
    /// Images that one thread computes at once.
    public let batch: Int
    /// Length of the vectors.
    public var dimension: Int { model.dimension }

    private let workers: [OwningThread<EncoderPipeline>]

    /// - Parameters:
    ///   - threads: workers, at most one per core to good effect.
    ///   - batch: images that a worker's network takes at once. 1 keeps its activations near the core's own cache; on the
    ///     one CPU measured (Zen 4, 1 MiB of L2 per core) it beats 4 and 8.
    /// - Throws: `EncoderError` for bfloat16 where oneDNN cannot compute it, `ModelFileError` or `KernelError` where
    ///   the network cannot be made.
    public init(
        model: EncoderModel, precision: EncoderPrecision = .automatic,
        threads: Int = ProcessInfo.processInfo.activeProcessorCount, batch: Int = 1
    ) throws {
        guard (1...1024).contains(threads), (1...1024).contains(batch) else {
            throw EncoderError(
                operation: "make an encoder of", subject: model.name,
                reason: "\(threads) threads and a batch of \(batch); both must be 1…1024")
        }
        elementType = precision.elementType
        if elementType == .bfloat16, !CPUFeatures.canComputeBFloat16 {
            throw EncoderError(
                operation: "make a bfloat16 encoder of", subject: model.name,
                reason: "this CPU lacks AVX-512, which bfloat16 needs; use float32")
        }
        self.model = model
        self.threads = threads
        self.batch = batch
        let type = elementType
        workers = (0..<threads).map {
            OwningThread(name: "encoder \($0)") { try EncoderPipeline(model, type: type, batch: batch) }
        }
        for ready in workers.map({ $0.begin { _ in } }) { try ready.wait() }
    }

    /// The images' vectors, L2-normalised, in the images' order.
    /// - Parameter images: of any size; each is resized to the model's input as a whole.
    /// - Throws: `KernelError` where oneDNN fails (out of memory).
    public func embed(_ images: [TileImage]) throws -> Embeddings {
        Embeddings(
            count: images.count, dimension: dimension, values: try run(images, .descriptors, width: dimension))
    }

    /// The images' logits, one row of `model.classCount` values each.
    /// - Throws: `EncoderError` where the model has no classifier.
    public func classify(_ images: [TileImage]) throws -> Embeddings {
        guard let classes = model.classCount else {
            throw EncoderError(operation: "classify with", subject: model.name, reason: "the model has no classifier")
        }
        return Embeddings(count: images.count, dimension: classes, values: try run(images, .logits, width: classes))
    }

    private func run(_ images: [TileImage], _ output: EncoderJob.Output, width: Int) throws -> [Float] {
        let job = EncoderJob(images: images, output: output)
        let parts = workers.map { $0.begin { try job.work($0) } }
        let results = parts.map { part in Result { try part.wait() } }  // all end before any error is thrown
        var values = [Float](repeating: 0, count: images.count * width)
        for result in results {
            let (ranges, rows) = try result.get()
            var row = 0
            for range in ranges {
                let count = range.count * width
                values.replaceSubrange(
                    range.lowerBound * width..<range.upperBound * width, with: rows[row..<row + count])
                row += count
            }
        }
        return values
    }
}
