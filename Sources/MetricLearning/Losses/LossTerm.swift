import Kernels

/// One term of a loss before reduction: a value per element (a pair, a triplet or an anchor), and how each depends on
/// the similarities.
public struct LossTerm<Scalar: LinearAlgebraScalar>: Sendable {
    /// ∂values[element]/∂s_ij.
    public struct Partial: Sendable {
        public let element: Int
        public let i: Int
        public let j: Int
        public let slope: Scalar
    }

    public let name: String
    public var values: [Scalar]
    /// Sparse; several partials of one element and pair add up.
    public var partials: [Partial]

    public init(_ name: String, values: [Scalar] = [], partials: [Partial] = []) {
        self.name = name
        self.values = values
        self.partials = partials
    }

    /// Notes that an element changes with a similarity by `slope`.
    @inline(__always)
    public mutating func depend(_ element: Int, onSimilarity i: Int, _ j: Int, by slope: Scalar) {
        if slope != 0 { partials.append(Partial(element: element, i: i, j: j, slope: slope)) }
    }
}
