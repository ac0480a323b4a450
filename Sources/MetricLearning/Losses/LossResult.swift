import Kernels

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
