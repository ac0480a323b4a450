/// Red, green, blue and opacity, 0 to 1.
struct Colour: Hashable {
    var red, green, blue, alpha: Double

    /// - Parameter hex: 0xRRGGBB.
    init(_ hex: UInt32, alpha: Double = 1) {
        red = Double(hex >> 16 & 0xFF) / 255
        green = Double(hex >> 8 & 0xFF) / 255
        blue = Double(hex & 0xFF) / 255
        self.alpha = alpha
    }

    static let paper = Colour(0xFFFFFF)
    static let panel = Colour(0xF3F5F7)
    static let line = Colour(0xD5DBE1)
    static let ink = Colour(0x1B2733)
    static let soft = Colour(0x5F6F7E)
    static let accent = Colour(0xD9480F)
    static let area = Colour(0x1971C2)
    static let right = Colour(0x2F9E44)
    static let wrong = Colour(0xE03131)

    func with(opacity: Double) -> Colour {
        var colour = self
        colour.alpha = opacity
        return colour
    }
}
