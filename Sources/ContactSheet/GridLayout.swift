/// Where the parts of a grid sheet go: each row has a heading and its tiles below it, all of one size.
struct GridLayout {
    struct Row {
        var heading: Rectangle
        var cells: [Rectangle]
    }

    /// Of the coloured outline, in pixels; half of it lies outside the frame.
    static let border = 4.0
    private static let gap = 14.0
    private static let headingHeight = 28.0
    private static let captionHeight = 24.0
    /// Small rows are not blown up, and large ones stay legible: the sheet grows instead.
    private static let sides = 96.0...220.0

    let rows: [Row]
    let width: Double
    let height: Double

    init(cellsInRows counts: [Int]) {
        let widest = Double(max(1, counts.max() ?? 1))
        let room = SheetLayout.width - 2 * SheetLayout.margin
        let fitting = (room - (widest - 1) * Self.gap) / widest
        let side = min(max(fitting.rounded(.down), Self.sides.lowerBound), Self.sides.upperBound)
        let rowHeight = Self.headingHeight + side + Self.captionHeight + Self.gap
        let width = max(SheetLayout.width, 2 * SheetLayout.margin + widest * side + (widest - 1) * Self.gap)
        rows = counts.enumerated().map { index, count in
            let top = SheetLayout.header + Double(index) * rowHeight
            return Row(
                heading: Rectangle(
                    x: SheetLayout.margin, y: top, width: width - 2 * SheetLayout.margin, height: Self.headingHeight),
                cells: (0..<count).map { column in
                    Rectangle(
                        x: SheetLayout.margin + Double(column) * (side + Self.gap), y: top + Self.headingHeight,
                        width: side, height: side)
                })
        }
        self.width = width
        height = SheetLayout.header + Double(counts.count) * rowHeight + SheetLayout.margin
    }

    static func caption(of frame: Rectangle) -> Rectangle {
        Rectangle(x: frame.x, y: frame.y + frame.height, width: frame.width, height: captionHeight)
    }
}
