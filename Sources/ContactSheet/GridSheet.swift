import TileGrid

/// Rows of tiles with a verdict on each: the best and the worst queries of an evaluation, with what they found.
public struct GridSheet: Sendable {
    public enum Verdict: String, Sendable {
        /// A green border and a tick.
        case right
        /// A red border and a cross.
        case wrong
        /// No verdict: the query itself.
        case none
    }

    public struct Cell: Sendable {
        public var picture: SheetTile.Picture
        public var verdict: Verdict
        /// One line, cut in the middle to fit: "harbor  0.071".
        public var caption: String

        public init(picture: SheetTile.Picture, verdict: Verdict = .none, caption: String = "") {
            self.picture = picture
            self.verdict = verdict
            self.caption = caption
        }
    }

    public struct Row: Sendable {
        /// Above the row: "denseresidential · average precision 0.12".
        public var heading: String
        public var cells: [Cell]

        public init(heading: String = "", cells: [Cell]) {
            self.heading = heading
            self.cells = cells
        }
    }

    public var title: String
    public var subtitle: String
    public var rows: [Row]

    public init(title: String, subtitle: String = "", rows: [Row]) {
        self.title = title
        self.subtitle = subtitle
        self.rows = rows
    }

    /// Draws the sheet, 1,600 pixels wide, and wider only where a row has more than 14 tiles, and writes it as PNG;
    /// complete, or not at all.
    /// - Throws: `ContactSheetError`.
    public func writePNG(to path: String) throws {
        let layout = GridLayout(cellsInRows: rows.map(\.cells.count))
        let canvas = try Canvas(
            width: Int(layout.width.rounded(.up)), height: Int(layout.height.rounded(.up)), background: .paper)
        canvas.header(title: title, subtitle: subtitle)
        for (row, place) in zip(rows, layout.rows) {
            let heading = place.heading
            canvas.text(
                row.heading, x: heading.x, y: heading.y + 18, TextStyle(size: 13, isBold: true),
                maximumWidth: heading.width)
            for (cell, frame) in zip(row.cells, place.cells) { try draw(cell, in: frame, on: canvas) }
        }
        try canvas.writePNG(to: path)
    }

    private func draw(_ cell: Cell, in frame: Rectangle, on canvas: Canvas) throws {
        let (colour, mark) = switch cell.verdict {
        case .right: (Colour.right, "✓ ")
        case .wrong: (Colour.wrong, "✗ ")
        case .none: (Colour.ink, "")
        }
        try canvas.draw(cell.picture, in: frame, outline: colour, lineWidth: GridLayout.border)
        // The mark beside the colour, for those who do not tell red from green.
        let caption = GridLayout.caption(of: frame)
        let style = TextStyle(size: 11, isBold: true, colour: colour)
        let markWidth = mark.isEmpty ? 0 : canvas.width(of: mark, style)
        canvas.text(mark, x: caption.x, y: caption.y + 16, style)
        canvas.text(
            cell.caption, x: caption.x + markWidth, y: caption.y + 16, TextStyle(size: 11),
            maximumWidth: caption.width - markWidth)
    }
}
