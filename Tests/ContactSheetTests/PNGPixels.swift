import CCairo
import ContactSheet

/// The pixels of a PNG file, read back through cairo.
struct PNGPixels {
    let width: Int
    let height: Int
    private let bytes: [UInt8]
    private let stride: Int

    init(path: String) throws {
        let surface = cairo_image_surface_create_from_png(path)
        defer { cairo_surface_destroy(surface) }
        guard cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS else { throw Unreadable() }
        width = Int(cairo_image_surface_get_width(surface))
        height = Int(cairo_image_surface_get_height(surface))
        stride = Int(cairo_image_surface_get_stride(surface))
        bytes = Array(UnsafeBufferPointer(start: cairo_image_surface_get_data(surface), count: stride * height))
    }

    func pixel(x: Int, y: Int) -> [UInt8] {
        let base = y * stride + x * 4
        return [bytes[base + 2], bytes[base + 1], bytes[base]]
    }

    /// Pixels of `area` whose green is below `limit`.
    func darkPixels(in area: Rectangle, below limit: UInt8 = 128) -> Int {
        var count = 0
        for y in Int(area.y)..<Int(area.y + area.height) {
            for x in Int(area.x)..<Int(area.x + area.width) where pixel(x: x, y: y)[1] < limit { count += 1 }
        }
        return count
    }

    struct Unreadable: Error {}
}
