import TileGrid

/// What a person searches for, and where.
public struct SearchQuestion: Sendable {
    /// What the answers should look like.
    public enum Subject: Sendable, Hashable {
        case tile(TileID)
        /// The path of an image file; it needs no place.
        case image(String)
        /// The stored tile whose middle is nearest to this longitude and latitude in degrees.
        case place(Point)
    }

    public var subject: Subject
    /// Whose vectors of a stored tile are compared; nil: the serving model's. An image's are of the model that embeds it.
    public var model: String?
    public var area: AreaOfInterest?
    public var acquired: AcquisitionRange?
    /// Names; empty for all.
    public var collections: [String] = []
    /// 0 to 1.
    public var minValid: Double?
    /// 0 to 1.
    public var maxCloud: Double?
    /// How many answers, 1 to 10,000.
    public var count = 20
    /// Of tiles that overlap, only the best.
    public var onePerPlace = false
    /// Tiles that the answers should look like as well, and tiles that they should not.
    public var positives: [TileID] = []
    public var negatives: [TileID] = []
    /// Within so many metres of a place.
    public var near: (place: Point, radius: Double)?
    /// Ground sample distances in metres a pixel.
    public var resolution: ClosedRange<Double>?
    /// Cosine distance, 0 to 2.
    public var maxDistance: Double?
    /// Leave out the scenes that the tile asked about comes from, or the place that it shows.
    public var excludeScene = false
    public var excludePlace = false
    /// The last tile of the page before.
    public var after: TileID?

    public init(_ subject: Subject) {
        self.subject = subject
    }

    /// Feedback and filters in words: "unlike 1 tile · within the area drawn · acquired 2020-01-01 to 2020-12-31 · one tile a place".
    public var filterText: String {
        var parts: [String] = []
        if !positives.isEmpty { parts.append("like \(Self.tiles(positives.count)) more") }
        if !negatives.isEmpty { parts.append("unlike \(Self.tiles(negatives.count))") }
        if area != nil { parts.append("within the area drawn") }
        if let acquired {
            let from = acquired.start.map { String($0.ISO8601Format().prefix(10)) } ?? "…"
            let to = acquired.end.map { String($0.addingTimeInterval(-1e-6).ISO8601Format().prefix(10)) } ?? "…"
            parts.append("acquired \(from) to \(to)")
        }
        if !collections.isEmpty { parts.append("in " + collections.joined(separator: ", ")) }
        if let minValid { parts.append("at least \(Int(minValid * 100)) % valid") }
        if let maxCloud { parts.append("at most \(Int(maxCloud * 100)) % cloud") }
        if let near { parts.append("within \(Int(near.radius)) m of \(near.place.x), \(near.place.y)") }
        if let resolution { parts.append("\(resolution.lowerBound) to \(resolution.upperBound) m a pixel") }
        if let maxDistance { parts.append("at most \(maxDistance) off in look") }
        if excludeScene { parts.append("of other scenes") }
        if excludePlace { parts.append("of other places") }
        if onePerPlace { parts.append("one tile a place") }
        if after != nil { parts.append("a later page") }
        return parts.isEmpty ? "everywhere, at any time" : parts.joined(separator: " · ")
    }

    private static func tiles(_ count: Int) -> String {
        count == 1 ? "1 tile" : "\(count) tiles"
    }
}
