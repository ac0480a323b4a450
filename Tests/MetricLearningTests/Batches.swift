import Kernels
import MetricLearning

/// Reproducible batches: class means on a random direction each, rows scattered about them, lengths far from 1.
struct SyntheticBatch {
    let descriptors: Matrix<Double>
    let labels: [Int]

    init(classes: Int, images: Int, dimension: Int, scatter: Double = 0.9, seed: UInt64) {
        var random = SplitMix64(seed: seed)
        func gaussian() -> Double {
            // Sum of twelve uniforms: near enough to normal, and the same everywhere.
            (0..<12).reduce(-6.0) { sum, _ in sum + Double(random.next() >> 11) * 0x1p-53 }
        }
        var rows: [[Double]] = [], labels: [Int] = []
        for label in 0..<classes {
            let mean = (0..<dimension).map { _ in gaussian() }
            for _ in 0..<images {
                let length = 0.5 + Double(random.next() >> 11) * 0x1p-53 * 2
                rows.append(mean.map { ($0 + scatter * gaussian()) * length })
                labels.append(label * 7 + 3)
            }
        }
        descriptors = Matrix(rows)
        self.labels = labels
    }

    var centroids: ClassCentroids {
        get throws { try ClassCentroids(descriptors: descriptors, labels: labels) }
    }
}

/// The largest |analytic − central difference| of the loss with its selection held fixed, and how far the batch is from
/// the loss's kinks in the step's direction: components whose two one-sided slopes differ lie on a kink and are counted,
/// not compared.
func finiteDifferenceError<Loss: MetricLoss>(
    _ loss: Loss, _ batch: SyntheticBatch, step: Double = 1e-6
) throws -> (error: Double, kinks: Int, compared: Int, largest: Double) {
    let base = try DescriptorBatch(descriptors: batch.descriptors, labels: batch.labels)
    let selection = try loss.select(in: base)
    let analytic = loss.evaluate(base, over: selection)
    func value(_ index: Int, _ offset: Double) throws -> Double {
        var moved = batch.descriptors
        moved.elements[index] += offset
        return loss.evaluate(try DescriptorBatch(descriptors: moved, labels: batch.labels), over: selection).value
    }
    var error = 0.0, kinks = 0, compared = 0, largest = 0.0
    for index in batch.descriptors.elements.indices {
        let (up, down) = (try value(index, step), try value(index, -step))
        // A hinge that switches inside the step makes the one-sided slopes differ by a finite amount; curvature alone
        // makes them differ by the order of the step.
        let bend = abs((up - analytic.value) - (analytic.value - down)) / step
        if bend > 1e-3 {
            kinks += 1
            continue
        }
        compared += 1
        error = max(error, abs((up - down) / (2 * step) - analytic.gradient.elements[index]))
        largest = max(largest, abs(analytic.gradient.elements[index]))
    }
    return (error, kinks, compared, largest)
}
