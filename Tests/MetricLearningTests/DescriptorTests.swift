import Kernels
import Testing

@testable import MetricLearning

@Suite("PCA whitening and query expansion agree with scikit-learn and NumPy")
struct DescriptorTests {
    struct Entry: Decodable {
        var rows, columns: Int
        var descriptors: [Float]
        var whitened, variances, expanded: [Double]
        var expansionNeighbours: Int
        var expansionAlpha: Double

        var matrix: Matrix<Float> { Matrix(rows: rows, columns: columns, elements: descriptors) }
    }

    @Test func whitening() throws {
        let entry = try fixture("descriptors.json", as: Entry.self)
        let rows = entry.matrix.converted(to: Double.self)
        let pca = try PCAWhitening(fitting: rows, components: 5)
        for (a, b) in zip(pca.variances, entry.variances) { #expect(abs(a - b) < 1e-10 * max(1, b)) }
        let projected = pca.transform(rows, normalises: false)
        for (a, b) in zip(projected.elements, entry.whitened) { #expect(abs(a - b) < 1e-9) }
    }

    @Test func whitenedDataHaveUnitCovariance() throws {
        let entry = try fixture("descriptors.json", as: Entry.self)
        let rows = entry.matrix.converted(to: Double.self)
        let y = try PCAWhitening(fitting: rows).transform(rows, normalises: false)
        for a in 0..<y.columns {
            for b in 0..<y.columns {
                let covariance = (0..<y.rows).reduce(0.0) { $0 + y[$1, a] * y[$1, b] } / Double(y.rows - 1)
                #expect(abs(covariance - (a == b ? 1 : 0)) < 1e-9)
            }
        }
    }

    @Test func withoutWhiteningDistancesStay() throws {
        let rows = SyntheticBatch(classes: 3, images: 5, dimension: 6, seed: 8).descriptors
        let y = try PCAWhitening(fitting: rows, whitens: false).transform(rows, normalises: false)
        func distance(_ m: Matrix<Double>, _ i: Int, _ j: Int) -> Double {
            zip(m.row(i), m.row(j)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
        }
        #expect(abs(distance(rows, 0, 9) - distance(y, 0, 9)) < 1e-12)
    }

    @Test func directionsWithoutVarianceAreRefused() throws {
        let flat = Matrix<Double>([[1, 2, 0], [2, 4, 0], [3, 6, 0], [5, 10, 0]])
        #expect(try PCAWhitening(fitting: flat).components == 1)
        #expect(throws: MetricLearningError.self) { try PCAWhitening(fitting: flat, components: 2) }
        #expect(throws: MetricLearningError.self) { try PCAWhitening(fitting: Matrix<Double>([[1, 2, 3]])) }
        #expect(throws: MetricLearningError.self) { try PCAWhitening(fitting: Matrix<Double>([[1, .nan], [1, 2]])) }
        // All equal: no direction at all.
        #expect(throws: MetricLearningError.self) { try PCAWhitening(fitting: Matrix<Double>([[1, 2], [1, 2]])) }
        let ridged = try PCAWhitening(fitting: flat, components: 3, ridge: 1e-3).transform(flat)
        #expect(ridged.elements.allSatisfy { $0.isFinite })
    }

    @Test func expansion() throws {
        let entry = try fixture("descriptors.json", as: Entry.self)
        let task = try RetrievalTask.leaveOneOut(descriptors: entry.matrix, labels: Array(repeating: 0, count: entry.rows))
        let expanded = expandedQueries(task, neighbours: entry.expansionNeighbours, alpha: entry.expansionAlpha)
        #expect(expanded.rows == entry.rows && expanded.columns == entry.columns)
        for (a, b) in zip(expanded.elements, entry.expanded) { #expect(abs(Double(a) - b) < 1e-6) }
        let plain = expandedQueries(task, neighbours: 0)
        for (a, b) in zip(plain.elements, entry.matrix.normalisedRows().elements) { #expect(abs(a - b) < 1e-6) }
    }

    @Test(arguments: [(3, 4, 5), (1, 7, 1), (17, 1, 9), (4, 0, 3)])
    func matrixMultiplyFollowsItsNaiveTwin(m: Int, k: Int, n: Int) {
        var random = SplitMix64(seed: 9)
        func values(_ count: Int) -> [Double] { (0..<count).map { _ in Double(random.below(2001)) / 1000 - 1 } }
        for (transposeA, transposeB) in [(false, false), (true, false), (false, true), (true, true)] {
            let (a, b, c) = (values(m * k), values(k * n), values(m * n))
            var output = c, single = c.map { Float($0) }
            matrixMultiply(
                &output, a, b, rows: m, inner: k, columns: n, transposeA: transposeA, transposeB: transposeB, scale: 2,
                keep: 0.5)
            matrixMultiply(
                &single, a.map { Float($0) }, b.map { Float($0) }, rows: m, inner: k, columns: n, transposeA: transposeA,
                transposeB: transposeB, scale: 2, keep: 0.5)
            for i in 0..<m {
                for j in 0..<n {
                    var sum = 0.0
                    for l in 0..<k { sum += a[transposeA ? l * m + i : i * k + l] * b[transposeB ? j * k + l : l * n + j] }
                    let expected = 2 * sum + 0.5 * c[i * n + j]
                    #expect(abs(output[i * n + j] - expected) < 1e-12)
                    #expect(abs(Double(single[i * n + j]) - expected) < 1e-4)
                }
            }
        }
    }

    @Test func eigenvectorsRebuildTheMatrix() throws {
        let rows = SyntheticBatch(classes: 2, images: 6, dimension: 5, seed: 10).descriptors
        var gram = [Double](repeating: 0, count: 25)
        matrixMultiply(&gram, rows.elements, rows.elements, rows: 5, inner: 12, columns: 5, transposeA: true)
        let eigen = try SymmetricEigen(gram, order: 5)
        #expect(eigen.values == eigen.values.sorted())
        for i in 0..<5 {
            for j in 0..<5 {
                let rebuilt = (0..<5).reduce(0.0) { $0 + eigen.values[$1] * eigen.vectors[$1 * 5 + i] * eigen.vectors[$1 * 5 + j] }
                #expect(abs(rebuilt - gram[i * 5 + j]) < 1e-10)
            }
        }
        #expect(throws: KernelError.self) { try SymmetricEigen([1, .nan, .nan, 1], order: 2) }
    }
}
