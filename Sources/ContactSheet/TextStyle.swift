/// How a line of text looks; its size in pixels.
struct TextStyle {
    var size: Double
    var isBold = false
    var colour = Colour.ink
}
