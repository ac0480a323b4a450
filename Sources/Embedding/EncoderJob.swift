import Synchronization
import TileGrid

/// Images to be worked on by several threads, and where they are taken from: each thread takes the next few.
final class EncoderJob: Sendable {
    enum Output: Sendable { case descriptors, logits }

    /// The places that one thread filled, and their rows one after the other.
    typealias Part = (ranges: [Range<Int>], values: [Float])

    private let images: [TileImage]
    private let output: Output
    private let next = Atomic<Int>(0)

    init(images: [TileImage], output: Output) {
        self.images = images
        self.output = output
    }

    /// One thread's share: whatever is left each time that it is done with the last.
    func work(_ pipeline: EncoderPipeline) throws -> Part {
        var part: Part = ([], [])
        while let range = take(pipeline.batch) {
            switch output {
            case .descriptors: try pipeline.embed(images[range], into: &part.values)
            case .logits: try pipeline.classify(images[range], into: &part.values)
            }
            part.ranges.append(range)
        }
        return part
    }

    /// The next `count` images, fewer at the end, nil when all are taken.
    private func take(_ count: Int) -> Range<Int>? {
        let start = next.wrappingAdd(count, ordering: .relaxed).oldValue
        return start < images.count ? start..<min(start + count, images.count) : nil
    }
}
