import Kernels

/// A dense row-major matrix; a batch of descriptors is one, a descriptor a row.
public struct Matrix<Scalar: LinearAlgebraScalar>: Hashable, Sendable, Codable {
    public let rows: Int
    public let columns: Int
    /// rows · columns values, row after row.
    public var elements: [Scalar]

    /// Traps unless `elements.count == rows · columns`.
    public init(rows: Int, columns: Int, elements: [Scalar]) {
        precondition(
            rows >= 0 && columns >= 0 && elements.count == rows * columns,
            "Matrix: \(elements.count) elements for \(rows)×\(columns)")
        self.rows = rows
        self.columns = columns
        self.elements = elements
    }

    public init(rows: Int, columns: Int, repeating value: Scalar = 0) {
        self.init(rows: rows, columns: columns, elements: Array(repeating: value, count: rows * columns))
    }

    /// Traps unless all rows are of one length.
    public init(_ rows: [[Scalar]]) {
        let columns = rows.first?.count ?? 0
        precondition(rows.allSatisfy { $0.count == columns }, "Matrix: rows of different lengths")
        self.init(rows: rows.count, columns: columns, elements: Array(rows.joined()))
    }

    public subscript(row: Int, column: Int) -> Scalar {
        get { elements[row * columns + column] }
        set { elements[row * columns + column] = newValue }
    }

    public func row(_ index: Int) -> ArraySlice<Scalar> { elements[index * columns..<(index + 1) * columns] }

    /// The rows at `indices`, in that order.
    public func selecting(_ indices: some Sequence<Int>) -> Matrix {
        var selected: [Scalar] = []
        var count = 0
        for index in indices {
            selected += row(index)
            count += 1
        }
        return Matrix(rows: count, columns: columns, elements: selected)
    }

    public func converted<Other: LinearAlgebraScalar>(to _: Other.Type = Other.self) -> Matrix<Other> {
        Matrix<Other>(rows: rows, columns: columns, elements: elements.map { Other($0) })
    }

    /// Every row over its Euclidean length; a zero row stays zero.
    public func normalisedRows() -> Matrix {
        var result = self
        for row in 0..<rows {
            let range = row * columns..<(row + 1) * columns
            let scale = inverseLength(of: elements[range])
            for index in range { result.elements[index] *= scale }
        }
        return result
    }
}

/// 1 / ‖v‖, or 0 for a vector too short to have a direction. Accumulates in `Double`: fp32 squares overflow beyond 1e19.
func inverseLength<Scalar: LinearAlgebraScalar>(of vector: ArraySlice<Scalar>) -> Scalar {
    let length = vector.reduce(into: 0.0) { $0 += Double($1) * Double($1) }.squareRoot()
    return length < shortestLength ? 0 : Scalar(1 / length)
}

/// Vectors shorter than this count as zero: they have no direction, and 1 / ‖v‖ would leave fp32's range soon after.
let shortestLength = 1e-12
