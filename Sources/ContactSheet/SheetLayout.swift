/// Where the parts of a contact sheet go: a column with the query and the map, and a grid of hits beside it.
public struct SheetLayout: Sendable {
    public static let width = 1600.0
    static let margin = 32.0
    static let header = 92.0
    static let gap = 20.0
    static let queryWidth = 360.0
    static let mapHeight = 300.0
    /// A caption at least this wide has the date beside the place, and one line less.
    static let wideCaption = 205.0

    public let columns: Int
    public let query: Rectangle
    public let map: Rectangle
    /// Picture frames of the hits, in order of rank.
    public let hits: [Rectangle]
    public let height: Double

    public init(hits count: Int) {
        let left = Self.margin + Self.queryWidth + 2 * Self.gap
        let available = Self.width - Self.margin - left
        // Few hits are shown large, many small.
        let columns = count <= 3 ? 3 : count <= 8 ? 4 : count <= 30 ? 5 : count <= 72 ? 6 : 8
        let side = (available - Double(columns - 1) * Self.gap) / Double(columns)
        let top = Self.header
        let captionHeight = Self.captionHeight(width: side)
        hits = (0..<count).map { rank in
            Rectangle(
                x: left + Double(rank % columns) * (side + Self.gap),
                y: top + Double(rank / columns) * (side + captionHeight + Self.gap), width: side, height: side)
        }
        self.columns = columns
        query = Rectangle(x: Self.margin, y: top, width: Self.queryWidth, height: Self.queryWidth)
        let queryBottom = query.y + query.height + Self.captionHeight(width: Self.queryWidth)
        map = Rectangle(x: Self.margin, y: queryBottom + Self.gap, width: Self.queryWidth, height: Self.mapHeight)
        let gridBottom = hits.last.map { $0.y + $0.height + captionHeight } ?? 0
        height = max(map.y + map.height, gridBottom) + Self.margin
    }

    /// The caption below a picture.
    public func caption(of frame: Rectangle) -> Rectangle {
        Rectangle(
            x: frame.x, y: frame.y + frame.height, width: frame.width, height: Self.captionHeight(width: frame.width))
    }

    private static func captionHeight(width: Double) -> Double {
        width >= wideCaption ? 64 : 81
    }
}
