import TileGrid

/// A confusion matrix as a picture: rows are the true classes, columns what the nearest answer was taken for.
public struct ConfusionPicture: Sendable {
    private let classes: [String]
    /// classes.count², row by row.
    private let counts: [Int]
    private let title: String

    private static let cell = 34.0, head = 90.0, margin = 24.0

    /// - Parameter counts: classes.count² values, row = true class.
    public init(title: String, classes: [String], counts: [Int]) {
        precondition(counts.count == classes.count * classes.count, "\(counts.count) counts for \(classes.count) classes")
        self.title = title
        self.classes = classes
        self.counts = counts
    }

    /// - Throws: `ContactSheetError`.
    public func writePNG(to path: String) throws {
        let style = TextStyle(size: 12)
        let measure = try Canvas(width: 8, height: 8, background: .paper)  // only to measure names with
        let names = (classes.map { measure.width(of: $0, style) }.max() ?? 0) + 26
        let side = Self.cell * Double(classes.count)
        let left = Self.margin + names, top = Self.head + 26
        let canvas = try Canvas(
            width: Int(left + side + Self.margin + 40), height: Int(top + side + Self.margin + 24), background: .paper)
        canvas.header(title: title, subtitle: "rows: the query's class · columns: the nearest image's class, by number")
        for (row, name) in classes.enumerated() {
            let y = top + Double(row) * Self.cell
            canvas.text("\(row + 1)", centredAt: Point(x: left + (Double(row) + 0.5) * Self.cell, y: top - 12), TextStyle(size: 11))
            canvas.text(name, x: left - 8 - canvas.width(of: name, style) - 18, y: y + 21, style)
            canvas.text("\(row + 1)", x: left - 18, y: y + 21, TextStyle(size: 11, colour: .soft))
            draw(row, on: canvas, left: left, top: y)
        }
        try canvas.writePNG(to: path)
    }

    private func draw(_ row: Int, on canvas: Canvas, left: Double, top: Double) {
        let values = counts[row * classes.count..<(row + 1) * classes.count]
        let total = max(1, values.reduce(0, +))
        for (column, count) in values.enumerated() {
            let share = Double(count) / Double(total)
            let frame = Rectangle(x: left + Double(column) * Self.cell + 1, y: top + 1, width: Self.cell - 2, height: Self.cell - 2)
            let hue = column == row ? Colour.right : Colour.wrong
            canvas.fill(frame, count == 0 ? .panel : hue.with(opacity: 0.2 + 0.8 * share))
            guard count > 0 else { continue }
            canvas.text(
                "\(count)", centredAt: Point(x: frame.x + frame.width / 2, y: frame.y + frame.height / 2),
                TextStyle(size: 11, colour: share > 0.5 ? .paper : .ink))
        }
    }
}
