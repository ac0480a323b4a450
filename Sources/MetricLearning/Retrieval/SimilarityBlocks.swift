import Kernels

/// The similarities of queries with a whole gallery, a block of queries at a time, so that memory stays bounded whatever
/// the number of queries.
///
/// They accumulate in fp64 and are rounded to steps of 2⁻³⁰ at the end. So equal rows tie exactly wherever a GEMM kernel's
/// edge falls, and a ranking depends on the size of the blocks only where a value lies within fp64's rounding of halfway
/// between two steps.
struct SimilarityBlocks {
    let task: RetrievalTask
    let queriesPerBlock: Int
    let galleryPerBlock: Int

    /// - Parameter memory: bytes for similarities and converted rows together; no less than one query needs is taken.
    init(_ task: RetrievalTask, memory: Int) {
        self.task = task
        let dimension = max(1, task.queries.columns)
        // Half for the similarities of a block of queries with the whole gallery (32 bits) and its own rows (fp64), half for
        // a block of gallery rows (fp64) and its products.
        let perQuery = task.gallery.rows * 4 + dimension * 8
        queriesPerBlock = min(task.queries.rows, max(1, memory / 2 / perQuery))
        galleryPerBlock = min(task.gallery.rows, max(1, memory / 2 / ((dimension + queriesPerBlock) * 8)))
    }

    /// Calls `body` once per query, in order, with its similarities to the gallery at `similarities[range]`.
    func forEachQuery<Failure: Error>(
        _ body: (_ query: Int, _ similarities: borrowing [FixedSimilarity], _ range: Range<Int>) throws(Failure) -> Void
    ) throws(Failure) {
        let galleryCount = task.gallery.rows, dimension = task.gallery.columns
        var similarities: [FixedSimilarity] = []
        var products: [Double] = []
        for first in stride(from: 0, to: task.queries.rows, by: queriesPerBlock) {
            let count = min(queriesPerBlock, task.queries.rows - first)
            let queries = unitRows(task.queries, first..<first + count)
            similarities = Array(repeating: 0, count: count * galleryCount)
            for start in stride(from: 0, to: galleryCount, by: galleryPerBlock) {
                let width = min(galleryPerBlock, galleryCount - start)
                let gallery = unitRows(task.gallery, start..<start + width)
                if products.count != count * width { products = Array(repeating: 0, count: count * width) }
                matrixMultiply(
                    &products, queries, gallery, rows: count, inner: dimension, columns: width, transposeB: true)
                for row in 0..<count {
                    for column in 0..<width {
                        similarities[row * galleryCount + start + column] = FixedSimilarity(
                            (products[row * width + column] * fixedSimilarityScale).rounded())
                    }
                }
            }
            for row in 0..<count {
                try body(first + row, similarities, row * galleryCount..<(row + 1) * galleryCount)
            }
        }
    }

    private func unitRows(_ matrix: Matrix<Float>, _ rows: Range<Int>) -> [Double] {
        let dimension = matrix.columns
        var unit = [Double](repeating: 0, count: rows.count * dimension)
        for (position, row) in rows.enumerated() {
            var squared = 0.0
            for k in 0..<dimension {
                let value = Double(matrix.elements[row * dimension + k])
                unit[position * dimension + k] = value
                squared += value * value
            }
            let scale = squared.squareRoot() < shortestLength ? 0 : 1 / squared.squareRoot()
            for k in position * dimension..<(position + 1) * dimension { unit[k] *= scale }
        }
        return unit
    }
}

/// A cosine in steps of 2⁻³⁰: finer than fp32 near 1, where rankings are decided.
typealias FixedSimilarity = Int32
let fixedSimilarityScale = 0x1p30

/// Orders by falling similarity, then by rising gallery row: one integer comparison, no ties.
@inline(__always)
func rankingKey(_ similarity: FixedSimilarity, row: Int) -> UInt64 {
    // Flipping the sign bit makes two's complement order as unsigned.
    UInt64(UInt32(bitPattern: -similarity) ^ 0x8000_0000) << 32 | UInt64(UInt32(row))
}
