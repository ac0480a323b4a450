/// An area of the sheet in pixels, from the upper left.
public struct Rectangle: Hashable, Sendable {
    public var x, y, width, height: Double

    public init(x: Double, y: Double, width: Double, height: Double) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    public func inset(by margin: Double) -> Rectangle {
        Rectangle(x: x + margin, y: y + margin, width: width - 2 * margin, height: height - 2 * margin)
    }

    public func intersects(_ other: Rectangle) -> Bool {
        x < other.x + other.width && other.x < x + width && y < other.y + other.height && other.y < y + height
    }

    public func contains(_ other: Rectangle) -> Bool {
        other.x >= x && other.y >= y && other.x + other.width <= x + width && other.y + other.height <= y + height
    }
}

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
}

struct TextStyle {
    var size: Double
    var isBold = false
    var colour = Colour.ink
}

/// Why a sheet could not be drawn or written.
public struct ContactSheetError: Error, Hashable, Sendable, CustomStringConvertible {
    public let operation: String
    public let thing: String
    public let reason: String

    public var description: String { "cannot \(operation) \(thing): \(reason)" }
}
