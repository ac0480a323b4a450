import TileGrid

/// One tile, ready for the encoder and the store.
public struct CutTile: Sendable {
    public let id: TileID
    /// Index in the cutter's layout.
    public let index: Int
    /// In pixels of the scene's grid; it may reach past it.
    public let window: PixelWindow
    /// Of the window's own pixels.
    public let geoTransform: GeoTransform
    /// Of the part inside the raster.
    public let footprint: Footprint
    /// Share of the window's pixels that are valid, 0…1; what lies past the raster is not.
    public let validFraction: Float
    /// Share of the valid pixels that are cloud, 0…1; nil where no cloud band was named.
    public let cloudFraction: Float?
    /// Invalid pixels carry the mean colour of the valid ones.
    public let image: TileImage
}

public enum SkipReason: Hashable, Sendable, CustomStringConvertible {
    /// Fewer valid pixels than asked for, or none; with their share.
    case belowMinValid(Float)
    /// No part of it has a place on the Earth.
    case offEarth

    public var description: String {
        switch self {
        case .belowMinValid(let fraction): "only \((Double(fraction) * 1000).rounded() / 10) % of its pixels are valid"
        case .offEarth: "no part of it lies on the Earth"
        }
    }
}

public enum CutResult: Sendable {
    case tile(CutTile)
    case skipped(SkipReason)
}
