import COpenBLAS

/// A type that the dense linear algebra computes in: `Float` and `Double`, no other.
public protocol LinearAlgebraScalar: BinaryFloatingPoint, Sendable, Codable {}
extension Float: LinearAlgebraScalar {}
extension Double: LinearAlgebraScalar {}

/// `output (m × n) = scale · a (m × k) · b (k × n) + keep · output`, row-major, by OpenBLAS's GEMM.
///
/// - Parameters:
///   - output: m · n values; overwritten, or added to where `keep` is 1.
///   - a: m × k, or k × m when `transposeA`.
///   - b: k × n, or n × k when `transposeB`.
/// Wrong sizes trap. Runs on the number of threads OpenBLAS was given (`setLinearAlgebraThreads`).
public func matrixMultiply<Scalar: LinearAlgebraScalar>(
    _ output: inout [Scalar], _ a: [Scalar], _ b: [Scalar], rows m: Int, inner k: Int, columns n: Int,
    transposeA: Bool = false, transposeB: Bool = false, scale: Scalar = 1, keep: Scalar = 0
) {
    precondition(m >= 0 && n >= 0 && k >= 0, "matrixMultiply: negative shape \(m)×\(k)×\(n)")
    precondition(output.count == m * n, "matrixMultiply: output holds \(output.count) values, not \(m)×\(n)")
    precondition(a.count == m * k, "matrixMultiply: a holds \(a.count) values, not \(m)×\(k)")
    precondition(b.count == k * n, "matrixMultiply: b holds \(b.count) values, not \(k)×\(n)")
    guard m > 0, n > 0 else { return }
    guard k > 0 else {
        for index in output.indices { output[index] = keep == 0 ? 0 : keep * output[index] }
        return
    }
    let opA = transposeA ? CblasTrans : CblasNoTrans, opB = transposeB ? CblasTrans : CblasNoTrans
    let strideA = blasint(transposeA ? m : k), strideB = blasint(transposeB ? k : n)
    let (rows, columns, inner) = (blasint(m), blasint(n), blasint(k))
    output.withUnsafeMutableBytes { output in
        a.withUnsafeBytes { a in
            b.withUnsafeBytes { b in
                if Scalar.self == Double.self {
                    cblas_dgemm(
                        CblasRowMajor, opA, opB, rows, columns, inner, Double(scale),
                        a.assumingMemoryBound(to: Double.self).baseAddress, strideA,
                        b.assumingMemoryBound(to: Double.self).baseAddress, strideB, Double(keep),
                        output.assumingMemoryBound(to: Double.self).baseAddress, columns)
                } else {
                    precondition(Scalar.self == Float.self, "matrixMultiply: \(Scalar.self) is neither Float nor Double")
                    cblas_sgemm(
                        CblasRowMajor, opA, opB, rows, columns, inner, Float(scale),
                        a.assumingMemoryBound(to: Float.self).baseAddress, strideA,
                        b.assumingMemoryBound(to: Float.self).baseAddress, strideB, Float(keep),
                        output.assumingMemoryBound(to: Float.self).baseAddress, columns)
                }
            }
        }
    }
}

/// Bounds the threads that OpenBLAS uses, for the whole process.
public func setLinearAlgebraThreads(_ count: Int) {
    precondition(count > 0, "setLinearAlgebraThreads: \(count)")
    openblas_set_num_threads(Int32(count))
}
