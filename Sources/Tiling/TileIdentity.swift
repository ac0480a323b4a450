import Crypto
import TileGrid

/// Makes tile ids: the first 128 bits of SHA-256 over a text that names everything the pixels depend on.
struct TileIdentity {
    /// Changes with the meaning of what follows; ids of different versions never meet.
    private static let version = "tilescout tile 1"

    private let prefix: String

    init(sceneSHA256: String, grid: SceneGrid, imageBands: [Int], stretch: ResolvedStretch) {
        prefix = """
            \(Self.version)
            scene \(sceneSHA256)
            grid \(grid.canonicalText)
            bands \(imageBands.map(String.init).joined(separator: ","))
            stretch \(stretch.stretch.canonicalText)
            window\u{20}
            """
    }

    func id(of window: PixelWindow) -> TileID {
        TileID(bytes: Array(SHA256.hash(data: Array((prefix + window.description).utf8)).prefix(16)))
    }
}
