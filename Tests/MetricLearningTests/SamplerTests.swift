import Testing

@testable import MetricLearning

@Suite("Balanced batches")
struct SamplerTests {
    /// 9 classes of 8…16 images, mixed.
    static let labels: [Int] = {
        var labels = (0..<9).flatMap { Array(repeating: $0 * 10, count: 8 + $0) }
        var random = SplitMix64(seed: 1)
        random.shuffle(&labels)
        return labels
    }()

    @Test func splitMix64GivesThePublishedStream() {
        // The first values for seed 1234567, of S. Vigna's splitmix64.c.
        var random = SplitMix64(seed: 1_234_567)
        #expect((0..<5).map { _ in random.next() } == [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ])
    }

    @Test func eachBatchHasItsShape() throws {
        let sampler = try BalancedBatchSampler(labels: Self.labels, shape: BatchShape(classes: 6, imagesPerClass: 6), seed: 3)
        for epoch in 0..<5 {
            let batches = sampler.batches(epoch: epoch)
            #expect(batches.count == sampler.batchesPerEpoch)
            for batch in batches {
                #expect(batch.count == 36 && Set(batch).count == 36)
                let classes = batch.map { Self.labels[$0] }
                #expect(Set(classes).count == 6)
                for start in stride(from: 0, to: 36, by: 6) { #expect(Set(classes[start..<start + 6]).count == 1) }
            }
        }
    }

    @Test func classesComeEquallyOften() throws {
        let sampler = try BalancedBatchSampler(labels: Self.labels, shape: BatchShape(classes: 4, imagesPerClass: 2), seed: 3)
        var counts: [Int: Int] = [:]
        for batch in sampler.batches(epoch: 0) {
            for label in Set(batch.map { Self.labels[$0] }) { counts[label, default: 0] += 1 }
        }
        #expect(counts.count == 9)
        #expect(counts.values.max()! - counts.values.min()! <= 1)
    }

    @Test func aSeedAndAnEpochDecide() throws {
        let shape = BatchShape(classes: 6, imagesPerClass: 6)
        let sampler = try BalancedBatchSampler(labels: Self.labels, shape: shape, seed: 3)
        let again = try BalancedBatchSampler(labels: Self.labels, shape: shape, seed: 3)
        let other = try BalancedBatchSampler(labels: Self.labels, shape: shape, seed: 4)
        _ = sampler.batches(epoch: 0)
        #expect(sampler.batches(epoch: 7) == again.batches(epoch: 7))
        #expect(sampler.batches(epoch: 7) != sampler.batches(epoch: 8))
        #expect(sampler.batches(epoch: 7) != other.batches(epoch: 7))
    }

    @Test(arguments: [(5, 6), (6, 5)]) func underSixBySixIsRefusedForDCL(classes: Int, images: Int) {
        let error = #expect(throws: MetricLearningError.self) {
            try BalancedBatchSampler(
                labels: Self.labels, shape: BatchShape(classes: classes, imagesPerClass: images),
                least: DCLParameters().leastBatch, seed: 1)
        }
        #expect(error?.description.contains("6 × 6") == true)
    }

    @Test func smallClassesAreRefusedRepeatedOrLeftOut() throws {
        let labels = Self.labels + [99, 99]
        let shape = BatchShape(classes: 6, imagesPerClass: 6)
        let error = #expect(throws: MetricLearningError.self) {
            try BalancedBatchSampler(labels: labels, shape: shape, seed: 1)
        }
        #expect(error?.description.contains("class 99") == true)
        #expect(try !BalancedBatchSampler(labels: labels, shape: shape, seed: 1, smallClasses: .leaveOut).classes.contains(99))
        let repeating = try BalancedBatchSampler(labels: labels, shape: shape, seed: 1, smallClasses: .repeatImages)
        let drawn = (0..<4).flatMap { repeating.batches(epoch: $0) }.map { $0.filter { labels[$0] == 99 } }
        #expect(drawn.contains { $0.count == 6 })
        #expect(drawn.allSatisfy { $0.isEmpty || Set($0).count == 2 })
    }

    @Test func tooFewClassesAreRefused() {
        #expect(throws: MetricLearningError.self) {
            try BalancedBatchSampler(labels: Self.labels, shape: BatchShape(classes: 10, imagesPerClass: 2), seed: 1)
        }
        #expect(throws: MetricLearningError.self) {
            try BalancedBatchSampler(labels: [], shape: BatchShape(classes: 2, imagesPerClass: 2), seed: 1)
        }
    }
}
