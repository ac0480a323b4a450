/// What one step came to.
public struct TrainingStep: Sendable {
    public let step: Int
    public let of: Int
    public let epoch: Int
    public let loss: Double
    /// Of all gradients together, before clipping.
    public let gradientLength: Double
    public let learningRate: Double
    public let images: Int
    public let seconds: Double
}
