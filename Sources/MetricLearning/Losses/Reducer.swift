import Kernels

/// How the elements of a term become one number. No elements give 0.
public enum Reducer: String, Hashable, Sendable, Codable, CaseIterable {
    case mean
    /// Over the elements above zero: satisfied pairs do not dilute the others.
    case meanOfNonZero
    case sum

    /// The reduced value, and the weight of each element that counts.
    @inline(__always)
    func reduce<Scalar: LinearAlgebraScalar>(_ values: [Scalar]) -> (value: Scalar, weight: Scalar) {
        var sum: Scalar = 0
        var counted = 0
        for value in values where counts(value) {
            sum += value
            counted += 1
        }
        guard counted > 0 else { return (0, 0) }
        let weight: Scalar = self == .sum ? 1 : 1 / Scalar(counted)
        return (sum * weight, weight)
    }

    @inline(__always)
    func counts<Scalar: LinearAlgebraScalar>(_ value: Scalar) -> Bool { self != .meanOfNonZero || value > 0 }
}
