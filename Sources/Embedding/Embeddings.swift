/// Vectors, one row per image, row-major.
public struct Embeddings: Hashable, Sendable {
    public let count: Int
    public let dimension: Int
    /// count × dimension.
    public let values: [Float]

    public init(count: Int, dimension: Int, values: [Float]) {
        precondition(values.count == count * dimension, "\(values.count) values for \(count) × \(dimension)")
        self.count = count
        self.dimension = dimension
        self.values = values
    }

    /// The vector of one image.
    public subscript(index: Int) -> ArraySlice<Float> { values[index * dimension..<(index + 1) * dimension] }

    /// The vector of one image as an array.
    public func row(_ index: Int) -> [Float] { Array(self[index]) }

    /// The vectors as arrays.
    public var rows: [[Float]] { (0..<count).map(row) }
}
