import TileGrid

/// One picture of a search: what was asked, where, and the tiles found, in order.
public struct ContactSheet: Sendable {
    /// "12 places like 31.000° E 30.900° N".
    public var title: String
    /// The filters, in words.
    public var subtitle: String
    public var query: SheetTile
    /// In order of rank.
    public var hits: [SheetTile]
    /// Polygons (rings of degrees) that the search was confined to; empty for none.
    public var area: [[[Point]]]

    public init(title: String, subtitle: String, query: SheetTile, hits: [SheetTile], area: [[[Point]]] = []) {
        self.title = title
        self.subtitle = subtitle
        self.query = query
        self.hits = hits
        self.area = area
    }

    /// Draws the sheet, 1,600 pixels wide, and writes it as PNG; complete, or not at all.
    /// - Throws: `ContactSheetError`.
    public func writePNG(to path: String) throws {
        let layout = SheetLayout(hits: hits.count)
        let canvas = try Canvas(
            width: Int(SheetLayout.width), height: Int(layout.height.rounded(.up)), background: .paper)
        canvas.header(title: title, subtitle: subtitle)
        try canvas.draw(query.picture, in: layout.query, outline: .accent, lineWidth: 3)
        drawCaption(query, heading: "Query", in: layout.caption(of: layout.query), on: canvas)
        drawMap(layout, on: canvas)
        if hits.isEmpty {
            canvas.text(
                "No tile matches.", x: layout.query.x + layout.query.width + 2 * SheetLayout.gap,
                y: layout.query.y + 24,
                TextStyle(size: 18, colour: .soft))
        }
        for (rank, hit) in hits.enumerated() {
            try canvas.draw(hit.picture, in: layout.hits[rank], outline: .line, lineWidth: 1)
            drawCaption(hit, heading: "\(rank + 1)", in: layout.caption(of: layout.hits[rank]), on: canvas)
        }
        try canvas.writePNG(to: path)
    }

    private func drawCaption(_ tile: SheetTile, heading: String, in area: Rectangle, on canvas: Canvas) {
        let bold = TextStyle(size: 14, isBold: true)
        canvas.text(heading, x: area.x, y: area.y + 19, bold)
        if let distance = tile.distance {
            let number = Degrees.number(distance, decimals: 3)
            let text = area.width >= SheetLayout.wideCaption ? "distance " + number : number
            let style = TextStyle(size: 12, colour: .soft)
            canvas.text(text, x: area.x + area.width - canvas.width(of: text, style), y: area.y + 19, style)
        }
        let isWide = area.width >= SheetLayout.wideCaption
        let style = TextStyle(size: 12)
        let date = tile.date ?? ""
        let beside = isWide && !date.isEmpty ? canvas.width(of: date, style) + 10 : 0
        var lines: [String] = []
        // Fewer decimals before anything is cut: half a coordinate is none.
        if let place = (0...3).reversed().lazy.compactMap({ tile.placeText(decimals: $0) })
            .first(where: { canvas.width(of: $0, style) <= area.width - beside }) ?? tile.placeText(decimals: 0) {
            lines.append(place)
        }
        if isWide {
            if lines.isEmpty, !date.isEmpty {
                lines.append(date)
            } else if !date.isEmpty {
                canvas.text(date, x: area.x + area.width - beside + 10, y: area.y + 37, style)
            }
        } else if !date.isEmpty {
            lines.append(date)
        }
        lines.append(tile.title)
        for (index, line) in lines.enumerated() {
            let isTitle = index == lines.count - 1
            canvas.text(
                line, x: area.x, y: area.y + 37 + 17 * Double(index),
                isTitle ? TextStyle(size: 12, colour: .soft) : style, maximumWidth: area.width)
        }
    }

    private func drawMap(_ layout: SheetLayout, on canvas: Canvas) {
        let places = hits.enumerated().compactMap { rank, hit in
            hit.place.flatMap { $0.isFinite ? (rank: rank + 1, place: $0) : nil }
        }
        let queryPlace = query.place.flatMap { $0.isFinite ? $0 : nil }
        let rings = area.joined().filter { $0.allSatisfy(\.isFinite) && !$0.isEmpty }
        let points = places.map(\.place) + [queryPlace].compactMap { $0 }
        guard !points.isEmpty || !rings.isEmpty else { return }
        LocatorMap(frame: layout.map, rings: rings, places: points)
            .draw(on: canvas, area: rings, query: queryPlace, hits: places)
    }
}
