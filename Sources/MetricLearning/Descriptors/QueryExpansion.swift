import Foundation
import Kernels

/// α query expansion (F. Radenović, G. Tolias, O. Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation", TPAMI
/// 2019): each query becomes the unit sum of itself and its nearest gallery rows, each weighted by max(0, similarity)^α.
///
/// The query's excluded row takes no part. Over a leave-one-out task it is database-side augmentation.
/// - Parameters:
///   - neighbours: rows to add; 0 only normalises the queries.
///   - alpha: 0 weighs all alike (average query expansion), larger favours the nearest.
/// - Returns: as many rows as queries, of unit length. A zero query, similar to nothing, stays zero (unless α is 0).
public func expandedQueries(
    _ task: RetrievalTask, neighbours: Int, alpha: Double = 3, memory: Int = defaultRetrievalMemory
) -> Matrix<Float> {
    precondition(neighbours >= 0 && alpha >= 0, "expandedQueries: \(neighbours) neighbours, alpha \(alpha)")
    let nearest = nearestNeighbours(task, count: neighbours, memory: memory)
    let dimension = task.queries.columns
    var expanded = Matrix<Float>(rows: task.queries.rows, columns: dimension)
    for query in 0..<task.queries.rows {
        var sum = unit(task.queries.row(query))
        for neighbour in nearest[query] {
            let weight = pow(Double(max(0, neighbour.similarity)), alpha)
            for (k, value) in unit(task.gallery.row(neighbour.row)).enumerated() { sum[k] += weight * value }
        }
        for (k, value) in unit(sum[...]).enumerated() { expanded[query, k] = Float(value) }
    }
    return expanded
}

private func unit<Scalar: LinearAlgebraScalar>(_ vector: ArraySlice<Scalar>) -> [Double] {
    let values = vector.map { Double($0) }
    let scale = inverseLength(of: values[...])
    return values.map { $0 * scale }
}
