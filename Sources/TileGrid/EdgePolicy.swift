/// What becomes of the last column and row of tiles where the raster is no whole number of tiles.
public enum EdgePolicy: String, CaseIterable, Codable, Sendable {
    /// The last tile moves inwards until it ends with the raster: every pixel is covered, none invented.
    /// A raster smaller than a tile gives one tile that is padded.
    case shift
    /// The last tile keeps its place and reaches past the raster; what lies beyond is invalid.
    case pad
    /// Only whole tiles: the rest of the raster is left out. A raster smaller than a tile gives none.
    case drop
}
