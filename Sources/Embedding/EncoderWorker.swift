import Foundation
import Kernels
import Synchronization
import TileGrid

/// Images to be worked on by several threads, and where they are taken from: each worker takes the next few.
final class EncoderJob: Sendable {
    enum Output: Sendable { case descriptors, logits }

    let images: [TileImage]
    let output: Output
    private let next = Atomic<Int>(0)

    init(images: [TileImage], output: Output) {
        self.images = images
        self.output = output
    }

    /// The next `count` images, fewer at the end, nil when all are taken.
    func take(_ count: Int) -> Range<Int>? {
        let start = next.wrappingAdd(count, ordering: .relaxed).oldValue
        return start < images.count ? start..<min(start + count, images.count) : nil
    }
}

/// A thread that owns a pipeline, which is made, used and freed on it: OpenMP's thread count and oneDNN's streams are
/// per thread. Jobs go in and results come out through a mailbox; nothing else is shared.
final class EncoderWorker: Sendable {
    /// The places that this worker filled, and their rows one after the other.
    typealias Result = Swift.Result<(ranges: [Range<Int>], values: [Float]), any Error>

    private struct Mailbox {
        var job: EncoderJob?
        var stop = false
        var result: Result?
    }

    private final class Channel: Sendable {
        let mailbox = Mutex(Mailbox())
        let posted = DispatchSemaphore(value: 0)
        let answered = DispatchSemaphore(value: 0)
    }

    private let channel = Channel()

    /// Starts the thread; `waitUntilReady()` says whether its pipeline could be made.
    init(_ model: EncoderModel, type: ElementType, batch: Int, name: String) {
        let channel = self.channel
        let thread = Thread { EncoderWorker.run(model, type, batch, channel) }
        thread.name = name
        thread.start()
    }

    deinit {
        channel.mailbox.withLock { $0.stop = true }
        channel.posted.signal()
        channel.answered.wait()  // the thread's tensors are freed when this returns
    }

    func waitUntilReady() throws { _ = try result() }

    func post(_ job: EncoderJob) {
        channel.mailbox.withLock { $0.job = job }
        channel.posted.signal()
    }

    func result() throws -> (ranges: [Range<Int>], values: [Float]) {
        channel.answered.wait()
        return try channel.mailbox.withLock { mailbox in
            defer { mailbox.result = nil }
            return mailbox.result!
        }.get()
    }

    private static func run(_ model: EncoderModel, _ type: ElementType, _ batch: Int, _ channel: Channel) {
        serve(model, type, batch, channel)
        channel.answered.signal()
    }

    private static func serve(_ model: EncoderModel, _ type: ElementType, _ batch: Int, _ channel: Channel) {
        func answer(_ result: Result) {
            channel.mailbox.withLock { $0.result = result }
            channel.answered.signal()
        }
        let pipeline: EncoderPipeline
        do {
            pipeline = try EncoderPipeline(model, type: type, batch: batch)
        } catch {
            answer(.failure(error))
            channel.posted.wait()  // for stop
            return
        }
        answer(.success(([], [])))
        while true {
            channel.posted.wait()
            let job = channel.mailbox.withLock { mailbox in
                defer { mailbox.job = nil }
                return mailbox.stop ? nil : mailbox.job
            }
            guard let job else { return }
            answer(Result { try work(job, pipeline) })
        }
    }

    private static func work(
        _ job: EncoderJob, _ pipeline: EncoderPipeline
    ) throws -> (ranges: [Range<Int>], values: [Float]) {
        var ranges: [Range<Int>] = [], values: [Float] = []
        while let range = job.take(pipeline.batch) {
            switch job.output {
            case .descriptors: try pipeline.embed(job.images[range], into: &values)
            case .logits: try pipeline.classify(job.images[range], into: &values)
            }
            ranges.append(range)
        }
        return (ranges, values)
    }
}
