extension Canvas {
    /// The two lines at the top of every sheet.
    func header(title: String, subtitle: String) {
        let room = Double(width) - 2 * SheetLayout.margin
        text(title, x: SheetLayout.margin, y: 44, TextStyle(size: 24, isBold: true), maximumWidth: room)
        text(subtitle, x: SheetLayout.margin, y: 70, TextStyle(size: 14, colour: .soft), maximumWidth: room)
    }

    /// A tile's picture with an outline round its frame, or a hatched box that says why there is none.
    func draw(_ picture: SheetTile.Picture, in frame: Rectangle, outline: Colour, lineWidth: Double) throws {
        fill(frame, .panel)
        switch picture {
        case .image(let image):
            try draw(image, in: frame)
        case .missing(let reason):
            hatch(frame, .line)
            let style = TextStyle(size: 13, colour: .soft)
            let (padding, lineHeight) = (12.0, 18.0)
            let room = max(1, Int((frame.height - 2 * padding) / lineHeight))
            for (index, line) in lines(reason, style, width: frame.width - 2 * padding).prefix(room).enumerated() {
                let baseline = frame.y + padding + 12 + lineHeight * Double(index)
                text(line, x: frame.x + padding, y: baseline, style, maximumWidth: frame.width - 2 * padding)
            }
        }
        stroke(frame, outline, width: lineWidth)
    }
}
