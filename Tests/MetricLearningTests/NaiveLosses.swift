import Foundation

@testable import MetricLearning

/// Each loss over again with plain loops, from the definitions: no shared geometry, no GEMM, no mining types.
struct NaiveLosses {
    let f: [[Double]]
    let labels: [Int]
    var n: Int { labels.count }

    init(_ batch: SyntheticBatch) {
        f = (0..<batch.descriptors.rows).map { row in
            let z = Array(batch.descriptors.row(row))
            let length = z.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return z.map { $0 / length }
        }
        labels = batch.labels
    }

    func d(_ i: Int, _ j: Int) -> Double { zip(f[i], f[j]).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot() }
    func s(_ i: Int, _ j: Int) -> Double { zip(f[i], f[j]).reduce(0) { $0 + $1.0 * $1.1 } }
    func positives(_ i: Int) -> [Int] { (0..<n).filter { $0 != i && labels[$0] == labels[i] } }
    func negatives(_ i: Int) -> [Int] { (0..<n).filter { labels[$0] != labels[i] } }

    static func mean(_ values: [Double]) -> Double { values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count) }
    static func meanOfNonZero(_ values: [Double]) -> Double { mean(values.filter { $0 > 0 }) }

    func contrastive(_ positiveMargin: Double, _ negativeMargin: Double) -> Double {
        Self.meanOfNonZero((0..<n).flatMap { i in positives(i).map { max(0, d(i, $0) - positiveMargin) } })
            + Self.meanOfNonZero((0..<n).flatMap { i in negatives(i).map { max(0, negativeMargin - d(i, $0)) } })
    }

    func semiHardTriplet(_ margin: Double) -> Double {
        var values: [Double] = []
        for a in 0..<n {
            for p in positives(a) {
                for q in negatives(a) where d(a, q) > d(a, p) && d(a, q) <= d(a, p) + margin {
                    values.append(d(a, p) - d(a, q) + margin)
                }
            }
        }
        return Self.meanOfNonZero(values)
    }

    func batchHardTriplet(_ margin: Double) -> Double {
        Self.meanOfNonZero((0..<n).map { a in
            max(0, positives(a).map { d(a, $0) }.max()! - negatives(a).map { d(a, $0) }.min()! + margin)
        })
    }

    func rankedList(_ alpha: Double, _ margin: Double, _ balance: Double, _ tp: Double, _ tn: Double) -> Double {
        func weighted(_ violations: [Double], _ t: Double) -> Double {
            let sum = violations.reduce(0) { $0 + exp(t * $1) }
            return violations.reduce(0) { $0 + exp(t * $1) / sum * $1 }
        }
        return Self.mean((0..<n).map { i in
            let p = positives(i).map { d(i, $0) - (alpha - margin) }.filter { $0 > 0 }
            let q = negatives(i).map { alpha - d(i, $0) }.filter { $0 > 0 }
            return (1 - balance) * weighted(p, tp) + balance * weighted(q, tn)
        })
    }

    func multiSimilarity(_ alpha: Double, _ beta: Double, _ base: Double, epsilon: Double) -> Double {
        Self.mean((0..<n).map { i in
            let most = negatives(i).map { s(i, $0) }.max()!, least = positives(i).map { s(i, $0) }.min()!
            let p = positives(i).filter { s(i, $0) < most + epsilon }, q = negatives(i).filter { s(i, $0) > least - epsilon }
            return log(1 + p.reduce(0) { $0 + exp(-alpha * (s(i, $1) - base)) }) / alpha
                + log(1 + q.reduce(0) { $0 + exp(beta * (s(i, $1) - base)) }) / beta
        })
    }

    /// DCL as its definition reads, one anchor after another.
    func distributionConsistency(_ p: DCLParameters) -> Double {
        let has = { (c: DCLParameters.Components) in p.components.contains(c) }
        func centroid(_ label: Int) -> [Double] {
            let rows = (0..<n).filter { labels[$0] == label }
            return f[0].indices.map { k in rows.reduce(0) { $0 + f[$1][k] } / Double(rows.count) }
        }
        func centroidDistance(_ a: Int, _ b: Int) -> Double {
            zip(centroid(a), centroid(b)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
        }
        return Self.mean((0..<n).map { i in
            let radius = p.alpha - p.margin
            let hard = positives(i).filter { d(i, $0) > radius }.count, easy = positives(i).count - hard
            let a = p.direction == .hardToEasy ? hard : easy
            let omega = has(.balanceWeight)
                ? 2 * (Double(a) + p.smoothing) / (Double(hard + easy) + 2 * p.smoothing) : 1
            let farthest = positives(i).sorted { d(i, $0) > d(i, $1) }.prefix(p.positives)
            let balance = Self.mean(farthest.map { omega * max(0, d(i, $0) - radius) })

            let others = Set(labels).subtracting([labels[i]])
            let representatives = others.map { label in
                (0..<n).filter { labels[$0] == label }.min { d(i, $0) < d(i, $1) }!
            }
            let nearest = representatives.sorted { d(i, $0) < d(i, $1) }.prefix(p.negatives)
            let ranked = nearest.sorted { centroidDistance(labels[i], labels[$0]) < centroidDistance(labels[i], labels[$1]) }
            var sum = 0.0, weighted = 0.0
            for (o, k) in ranked.enumerated() {
                let alpha = p.alpha + (has(.rankedMargins) ? Double(o) * p.rankSpacing : 0)
                guard d(i, k) < alpha else { continue }
                let members = (0..<n).filter { labels[$0] == labels[k] }
                let u = has(.categoryWeight)
                    ? Double(1 + members.filter { d(i, $0) < alpha }.count) / Double(1 + members.count) : 1
                let w = u * (has(.violationWeight) ? exp(p.temperature * (alpha - d(i, k))) : 1)
                sum += w
                weighted += w * (alpha - d(i, k))
            }
            let ranking = sum > 0 ? weighted / sum : 0
            var pairs: [Double] = []
            for x in ranked.indices {
                for y in ranked.indices where x < y { pairs.append(max(0, d(i, ranked[x]) - d(i, ranked[y]) + p.rankSpacing)) }
            }
            return (has(.sampleBalance) ? (1 - p.balance) * balance : 0) + (has(.ranking) ? p.balance * ranking : 0)
                + (has(.classOrder) ? p.balance * p.orderWeight * Self.mean(pairs) : 0)
        })
    }
}
