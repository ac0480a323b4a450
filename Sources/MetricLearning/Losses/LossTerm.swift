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

    @inline(__always)
    mutating func depend(_ element: Int, onSimilarity i: Int, _ j: Int, by slope: Scalar) {
        if slope != 0 { partials.append(Partial(element: element, i: i, j: j, slope: slope)) }
    }
}

/// A loss, its gradient, and what it is made of.
public struct LossResult<Scalar: LinearAlgebraScalar>: Sendable {
    public struct Part: Sendable {
        public let name: String
        public let value: Scalar
        /// Elements above zero, those that drive training.
        public let active: Int
        /// Elements in all.
        public let of: Int
    }

    public let value: Scalar
    /// ∂L/∂z, n × dimension, w.r.t. the unnormalised descriptors.
    public let gradient: Matrix<Scalar>
    /// The terms, reduced; they add up to `value`.
    public let parts: [Part]
}
