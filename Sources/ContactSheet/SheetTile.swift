import TileGrid

/// A tile as a sheet shows it.
public struct SheetTile: Sendable {
    /// The picture, or why there is none: "its scene has moved".
    public enum Picture: Sendable {
        case image(TileImage)
        case missing(String)
    }

    public var picture: Picture
    /// Cosine distance to the query, 0 to 2; nil for the query itself.
    public var distance: Double?
    /// Degrees; nil where the picture has no place, as an image file has none.
    public var place: Point?
    /// "2020-08-31", ready to print.
    public var date: String?
    /// What it is from: a scene's or a file's name.
    public var title: String

    public init(picture: Picture, distance: Double? = nil, place: Point? = nil, date: String? = nil, title: String) {
        self.picture = picture
        self.distance = distance
        self.place = place
        self.date = date
        self.title = title
    }

    /// "12.345°N 98.765°W"; nil where it has no place.
    public func placeText(decimals: Int = 3) -> String? {
        place.map {
            Degrees.fixed($0.y, decimals: decimals, "N", "S") + " " + Degrees.fixed($0.x, decimals: decimals, "E", "W")
        }
    }
}
