import Kernels

/// The similarities of queries with a whole gallery, a block of queries at a time, so that memory stays bounded whatever
/// the number of queries.
///
/// They accumulate in fp64 and are rounded to fp32 at the end. So equal rows tie exactly wherever a GEMM kernel's edge
/// falls, and a ranking does not depend on the size of the blocks but in the rare case of a value halfway between two fp32.
struct SimilarityBlocks {
    let task: RetrievalTask
    let queriesPerBlock: Int
    let galleryPerBlock: Int

    /// - Parameter memory: bytes for similarities and converted rows together; no less than one query needs is taken.
    init(_ task: RetrievalTask, memory: Int) {
        self.task = task
        let dimension = max(1, task.queries.columns)
        // Half for the similarities of a block of queries with the whole gallery (fp32) and its own rows (fp64), half for
        // a block of gallery rows (fp64) and its products.
        let perQuery = task.gallery.rows * 4 + dimension * 8
        queriesPerBlock = min(task.queries.rows, max(1, memory / 2 / perQuery))
        galleryPerBlock = min(task.gallery.rows, max(1, memory / 2 / ((dimension + queriesPerBlock) * 8)))
    }

    /// Calls `body` once per query, in order, with its similarities to the gallery at `similarities[range]`.
    func forEachQuery<Failure: Error>(
        _ body: (_ query: Int, _ similarities: borrowing [Float], _ range: Range<Int>) throws(Failure) -> Void
    ) throws(Failure) {
        let galleryCount = task.gallery.rows, dimension = task.gallery.columns
        var similarities: [Float] = []
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
                        similarities[row * galleryCount + start + column] = Float(products[row * width + column])
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

/// Orders by falling similarity, then by rising gallery row: one integer comparison, no ties.
@inline(__always)
func rankingKey(_ similarity: Float, row: Int) -> UInt64 {
    // Adding 0 turns −0 into +0. The bits of floats order as integers once negatives are inverted and the sign is flipped.
    let bits = (similarity + 0).bitPattern
    let ascending = bits >> 31 == 0 ? bits | 0x8000_0000 : ~bits
    return UInt64(~ascending) << 32 | UInt64(UInt32(row))
}
