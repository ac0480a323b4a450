/// Classes × images of each.
public struct BatchShape: Hashable, Sendable, Codable, CustomStringConvertible {
    public var classes: Int
    public var imagesPerClass: Int
    public init(classes: Int, imagesPerClass: Int) {
        self.classes = classes
        self.imagesPerClass = imagesPerClass
    }
    public var count: Int { classes * imagesPerClass }
    public var description: String { "\(classes) × \(imagesPerClass)" }
}
