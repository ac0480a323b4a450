/// A rectangle of pixels in one array (`start`, `stride`) and its counterpart in another (`target`, `targetStride`), both
/// counted in pixels.
public struct PixelPatch: Hashable, Sendable {
    public var width, height: Int
    public var start, stride: Int
    public var target, targetStride: Int

    public init(width: Int, height: Int, start: Int, stride: Int, target: Int, targetStride: Int) {
        (self.width, self.height) = (width, height)
        (self.start, self.stride, self.target, self.targetStride) = (start, stride, target, targetStride)
    }

    /// The same rectangle of another plane of the source.
    public func plane(offset: Int) -> PixelPatch {
        var other = self
        other.start += offset
        return other
    }

    /// Programmer errors end here, so that the loops need no checks of their own.
    func check(source: Int, target targetCount: Int, channels: Int = 1) {
        precondition(width > 0 && height > 0 && start >= 0 && target >= 0 && stride >= width && targetStride >= width)
        precondition(start + (height - 1) * stride + width <= source, "a patch outside its samples")
        precondition(target + (height - 1) * targetStride + width <= targetCount / channels, "a patch outside its target")
    }
}
