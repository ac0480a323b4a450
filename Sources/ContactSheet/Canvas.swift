import CCairo
import TileGrid

/// A drawing surface in memory, in pixels from the upper left: owns cairo's surface and context.
final class Canvas {
    let width: Int
    let height: Int
    private let surface: OpaquePointer
    private let context: OpaquePointer

    /// The largest side of a cairo image surface.
    static let maximumSide = 32_767

    /// - Throws: `ContactSheetError` where cairo cannot make a surface of that size.
    init(width: Int, height: Int, background: Colour) throws {
        guard width <= Self.maximumSide, height <= Self.maximumSide else {
            throw ContactSheetError(
                operation: "draw", thing: "a sheet of \(width) × \(height) pixels",
                reason: "a picture has at most \(Self.maximumSide) a side: show fewer tiles", code: .cannotDraw)
        }
        guard let surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, Int32(width), Int32(height)),
            let context = cairo_create(surface)
        else {
            throw ContactSheetError(
                operation: "draw", thing: "a contact sheet", reason: "out of memory", code: .cannotDraw)
        }
        self.width = width
        self.height = height
        self.surface = surface
        self.context = context
        try check()
        fill(Rectangle(x: 0, y: 0, width: Double(width), height: Double(height)), background)
    }

    deinit {
        cairo_destroy(context)
        cairo_surface_destroy(surface)
    }

    func fill(_ rectangle: Rectangle, _ colour: Colour, radius: Double = 0) {
        path(rectangle, radius: radius)
        setSource(colour)
        cairo_fill(context)
    }

    func stroke(_ rectangle: Rectangle, _ colour: Colour, width: Double, radius: Double = 0) {
        path(rectangle, radius: radius)
        setSource(colour)
        cairo_set_line_width(context, width)
        cairo_stroke(context)
    }

    /// Draws lines through `points`, clipped to `bounds`; filled too where `fill` is given.
    func polyline(_ points: [Point], stroke: Colour, width: Double, fill: Colour? = nil, within bounds: Rectangle) {
        guard let first = points.first else { return }
        clipped(to: bounds) {
            cairo_move_to(context, first.x, first.y)
            for point in points.dropFirst() { cairo_line_to(context, point.x, point.y) }
            if let fill {
                setSource(fill)
                cairo_fill_preserve(context)
            }
            setSource(stroke)
            cairo_set_line_width(context, width)
            cairo_stroke(context)
        }
    }

    func circle(at centre: Point, radius: Double, fill: Colour, stroke: Colour? = nil, width: Double = 1) {
        cairo_new_sub_path(context)
        cairo_arc(context, centre.x, centre.y, radius, 0, 2 * Double.pi)
        setSource(fill)
        cairo_fill_preserve(context)
        if let stroke {
            setSource(stroke)
            cairo_set_line_width(context, width)
            cairo_stroke(context)
        }
        cairo_new_path(context)
    }

    /// Diagonal lines, where there should be a picture.
    func hatch(_ rectangle: Rectangle, _ colour: Colour, spacing: Double = 12) {
        clipped(to: rectangle) {
            setSource(colour)
            cairo_set_line_width(context, 1)
            for offset in stride(from: -rectangle.height, to: rectangle.width, by: spacing) {
                cairo_move_to(context, rectangle.x + offset, rectangle.y + rectangle.height)
                cairo_line_to(context, rectangle.x + offset + rectangle.height, rectangle.y)
            }
            cairo_stroke(context)
        }
    }

    /// Fits a picture into `frame`, centred, its proportions kept; pixels stay sharp squares when enlarged fourfold.
    func draw(_ image: TileImage, in frame: Rectangle) throws {
        let scale = min(frame.width / Double(image.width), frame.height / Double(image.height))
        let size = (width: Double(image.width) * scale, height: Double(image.height) * scale)
        let origin = Point(x: frame.x + (frame.width - size.width) / 2, y: frame.y + (frame.height - size.height) / 2)
        let picture = cairo_image_surface_create(CAIRO_FORMAT_RGB24, Int32(image.width), Int32(image.height))
        defer { cairo_surface_destroy(picture) }
        guard cairo_surface_status(picture) == CAIRO_STATUS_SUCCESS, let bytes = cairo_image_surface_get_data(picture)
        else {
            throw ContactSheetError(
                operation: "draw", thing: "a tile of \(image.width) × \(image.height) pixels",
                reason: String(cString: cairo_status_to_string(cairo_surface_status(picture))), code: .cannotDraw)
        }
        cairo_surface_flush(picture)
        let stride = Int(cairo_image_surface_get_stride(picture))
        for y in 0..<image.height {
            // RGB24 is a native-endian 32-bit word a pixel, its upper byte unused (cairo manual, cairo_format_t).
            let row = UnsafeMutableRawPointer(bytes + y * stride).assumingMemoryBound(to: UInt32.self)
            for x in 0..<image.width {
                let base = (y * image.width + x) * 3
                row[x] = UInt32(image.pixels[base]) << 16 | UInt32(image.pixels[base + 1]) << 8
                    | UInt32(image.pixels[base + 2])
            }
        }
        cairo_surface_mark_dirty(picture)
        cairo_save(context)
        cairo_translate(context, origin.x, origin.y)
        cairo_scale(context, scale, scale)
        cairo_set_source_surface(context, picture, 0, 0)
        cairo_pattern_set_filter(cairo_get_source(context), scale >= 4 ? CAIRO_FILTER_NEAREST : CAIRO_FILTER_GOOD)
        cairo_pattern_set_extend(cairo_get_source(context), CAIRO_EXTEND_PAD)
        cairo_rectangle(context, 0, 0, Double(image.width), Double(image.height))
        cairo_fill(context)
        cairo_restore(context)
    }

    /// Writes text with its baseline's left end at `x`, `y`; cut in the middle with “…” to fit `maximumWidth`.
    func text(_ text: String, x: Double, y: Double, _ style: TextStyle, maximumWidth: Double = .infinity) {
        select(style)
        setSource(style.colour)
        cairo_move_to(context, x, y)
        cairo_show_text(context, fitted(text, to: maximumWidth))
    }

    /// Writes text with the middle of its ink at `centre`.
    func text(_ text: String, centredAt centre: Point, _ style: TextStyle) {
        select(style)
        setSource(style.colour)
        var extents = cairo_text_extents_t()
        cairo_text_extents(context, text, &extents)
        cairo_move_to(
            context, centre.x - extents.x_bearing - extents.width / 2,
            centre.y - extents.y_bearing - extents.height / 2)
        cairo_show_text(context, text)
    }

    func width(of text: String, _ style: TextStyle) -> Double {
        select(style)
        return advance(text)
    }

    /// Breaks text into lines at spaces.
    func lines(_ text: String, _ style: TextStyle, width: Double) -> [String] {
        select(style)
        var lines: [String] = []
        for word in text.split(whereSeparator: \.isWhitespace) {
            if let last = lines.last, advance(last + " " + word) <= width {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }

    /// Writes the picture under its name when it is complete, and not before.
    /// - Throws: `ContactSheetError` where the folder is missing or closed, or the disk is full.
    func writePNG(to path: String) throws {
        try check()
        let file = try PartialFile(for: path)
        // Cairo hands the bytes over one piece at a time, all within this call.
        let status = withExtendedLifetime(file) {
            cairo_surface_write_to_png_stream(
                surface,
                { closure, bytes, count in
                    let file = Unmanaged<PartialFile>.fromOpaque(closure!).takeUnretainedValue()
                    let isWritten = file.write(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
                    return isWritten ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR
                }, Unmanaged.passUnretained(file).toOpaque())
        }
        if let error = file.error { throw error }
        guard status == CAIRO_STATUS_SUCCESS else {
            throw ContactSheetError(
                operation: "write", thing: path, reason: String(cString: cairo_status_to_string(status)),
                code: .cannotWrite)
        }
        try file.publish()
    }

    /// Cairo remembers the first error of a context; everything drawn after it is lost.
    private func check() throws {
        let status = cairo_status(context)
        guard status == CAIRO_STATUS_SUCCESS else {
            throw ContactSheetError(
                operation: "draw", thing: "a sheet of \(width) × \(height) pixels",
                reason: String(cString: cairo_status_to_string(status)), code: .cannotDraw)
        }
    }

    private func clipped(to rectangle: Rectangle, _ body: () -> Void) {
        cairo_save(context)
        cairo_rectangle(context, rectangle.x, rectangle.y, rectangle.width, rectangle.height)
        cairo_clip(context)
        body()
        cairo_restore(context)
    }

    private func path(_ rectangle: Rectangle, radius: Double) {
        let r = rectangle
        guard radius > 0 else { return cairo_rectangle(context, r.x, r.y, r.width, r.height) }
        cairo_new_sub_path(context)
        cairo_arc(context, r.x + r.width - radius, r.y + radius, radius, -Double.pi / 2, 0)
        cairo_arc(context, r.x + r.width - radius, r.y + r.height - radius, radius, 0, Double.pi / 2)
        cairo_arc(context, r.x + radius, r.y + r.height - radius, radius, Double.pi / 2, Double.pi)
        cairo_arc(context, r.x + radius, r.y + radius, radius, Double.pi, 1.5 * Double.pi)
        cairo_close_path(context)
    }

    private func setSource(_ colour: Colour) {
        cairo_set_source_rgba(context, colour.red, colour.green, colour.blue, colour.alpha)
    }

    private func select(_ style: TextStyle) {
        cairo_select_font_face(
            context, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
            style.isBold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL)
        cairo_set_font_size(context, style.size)
    }

    private func advance(_ text: String) -> Double {
        var extents = cairo_text_extents_t()
        cairo_text_extents(context, text, &extents)
        return extents.x_advance
    }

    private func fitted(_ text: String, to width: Double) -> String {
        guard advance(text) > width else { return text }
        let characters = Array(text)
        func shortened(keeping kept: Int) -> String {
            String(characters.prefix((kept + 1) / 2)) + "…" + String(characters.suffix(kept / 2))
        }
        // The most characters that fit, by bisection: a name may be long.
        var (fits, exceeds) = (0, characters.count)
        while exceeds - fits > 1 {
            let middle = (fits + exceeds) / 2
            if advance(shortened(keeping: middle)) <= width { fits = middle } else { exceeds = middle }
        }
        return shortened(keeping: fits)
    }
}
