import COpenBLAS

/// The eigenvalues (ascending) and unit eigenvectors of a real symmetric matrix, by LAPACK's `xSYEVD`.
public struct SymmetricEigen<Scalar: LinearAlgebraScalar>: Sendable {
    /// n values, ascending.
    public let values: [Scalar]
    /// n × n, row-major: row i is the eigenvector of `values[i]`. Its sign is fixed: the component of largest magnitude
    /// is positive (the first of them when tied), so that equal input gives equal output on any build of LAPACK.
    public let vectors: [Scalar]

    /// - Parameter matrix: n × n values; only one triangle is read.
    /// - Throws: `KernelError` when the matrix holds a value that is not finite, or LAPACK does not converge.
    public init(_ matrix: [Scalar], order n: Int) throws(KernelError) {
        precondition(n > 0 && matrix.count == n * n, "SymmetricEigen: \(matrix.count) values for \(n)×\(n)")
        let subject = "\(n)×\(n)"
        guard matrix.allSatisfy(\.isFinite) else {
            throw KernelError(operation: "decompose a symmetric matrix", subject: subject, reason: "a value is not finite")
        }
        var vectors = matrix
        var values = [Scalar](repeating: 0, count: n)
        let info = decompose(&vectors, &values, order: n)
        guard info == 0 else {
            throw KernelError(
                operation: "decompose a symmetric matrix", subject: subject,
                reason: "LAPACK syevd did not converge (info \(info))")
        }
        for row in 0..<n {
            let range = row * n..<(row + 1) * n
            let peak = vectors[range].reduce(into: Scalar(0)) { if $1.magnitude > $0.magnitude { $0 = $1 } }
            if peak < 0 { for index in range { vectors[index] = -vectors[index] } }
        }
        self.values = values
        self.vectors = vectors
    }
}

/// Overwrites `a` by the eigenvectors: LAPACK's columns in column-major order are rows in ours.
private func decompose<Scalar: LinearAlgebraScalar>(_ a: inout [Scalar], _ w: inout [Scalar], order: Int) -> Int {
    var n = blasint(order), info = blasint(0)
    // The workspaces that the manual of xSYEVD asks for with JOBZ = 'V'.
    var workCount = blasint(1 + 6 * order + 2 * order * order), integerCount = blasint(3 + 5 * order)
    var work = [Scalar](repeating: 0, count: Int(workCount)), integers = [blasint](repeating: 0, count: Int(integerCount))
    var vectorsToo = CChar(UInt8(ascii: "V")), lower = CChar(UInt8(ascii: "L"))
    a.withUnsafeMutableBytes { a in
        w.withUnsafeMutableBytes { w in
            work.withUnsafeMutableBytes { work in
                if Scalar.self == Double.self {
                    dsyevd_(
                        &vectorsToo, &lower, &n, a.assumingMemoryBound(to: Double.self).baseAddress, &n,
                        w.assumingMemoryBound(to: Double.self).baseAddress,
                        work.assumingMemoryBound(to: Double.self).baseAddress, &workCount, &integers, &integerCount, &info, 1, 1)
                } else {
                    precondition(Scalar.self == Float.self, "SymmetricEigen: \(Scalar.self) is neither Float nor Double")
                    ssyevd_(
                        &vectorsToo, &lower, &n, a.assumingMemoryBound(to: Float.self).baseAddress, &n,
                        w.assumingMemoryBound(to: Float.self).baseAddress,
                        work.assumingMemoryBound(to: Float.self).baseAddress, &workCount, &integers, &integerCount, &info, 1, 1)
                }
            }
        }
    }
    return Int(info)
}
