import GDAL

/// The stretch of one scene, with the range of each band that it came to.
public struct ResolvedStretch: Hashable, Codable, Sendable {
    /// What becomes 0 and what becomes 255.
    public struct BandRange: Hashable, Codable, Sendable {
        public var low: Double
        public var high: Double

        /// `value × scale + bias` lies in 0…255. A range without width puts what lies above it at 255.
        var scale: Float { high > low ? Float(255 / (high - low)) : 1e30 }
        var bias: Float { high > low ? Float(-low * 255 / (high - low)) : Float(-low) * 1e30 }
    }

    /// Never `.automatic`.
    public var stretch: Stretch
    /// One for each image band; empty for `.none`.
    public var ranges: [BandRange]

    static let none = ResolvedStretch(stretch: .none, ranges: [])
}

extension Stretch {
    /// What `.automatic` means for a scene.
    func resolved(for plan: BandPlan) -> Stretch {
        if plan.palette != nil { return .none }
        guard self == .automatic else { return self }
        return plan.dataType == .uint8 ? .none : .percentile(low: 2, high: 98)
    }
}
