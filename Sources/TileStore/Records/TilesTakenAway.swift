/// A scene cannot be finished: tiles of it that were there when it was looked at have been deleted since.
public struct TilesTakenAway: Error, Hashable, Sendable {
    public let reason: String
}
