/// How a model wants its input: part of the model, and stored with every vector it makes.
public struct Preprocessing: Hashable, Codable, Sendable {
    public enum Interpolation: String, Hashable, Codable, Sendable {
        /// Separable bilinear, widened by the reduction (`ImageResampler`).
        case bilinearAntialias = "bilinear-antialias"
    }

    /// Rows and columns of the network's input; the whole tile is resized to it.
    public let side: Int
    /// Per channel, in units of 8-bit pixels: input = (pixel − mean) / std.
    public let mean: [Float]
    public let std: [Float]
    public let interpolation: Interpolation

    public init(side: Int, mean: [Float], std: [Float], interpolation: Interpolation = .bilinearAntialias) {
        self.side = side
        self.mean = mean
        self.std = std
        self.interpolation = interpolation
    }

    /// What is wrong with these values, if anything.
    var fault: String? {
        if !(32...1024).contains(side) { return "an input side of \(side), outside 32…1024" }
        if mean.count != 3 || std.count != 3 { return "mean and std need three values each" }
        if !(mean + std).allSatisfy(\.isFinite) || std.contains(where: { $0 <= 0 }) {
            return "mean and std must be finite, std positive"
        }
        return nil
    }
}
