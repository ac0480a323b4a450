import ArgumentParser
import TileGrid
import Tiling

/// How scenes are cut: shared by `ingest`, `plan`, `tile` and `bench`.
struct TilingArguments: ParsableArguments {
    @Option(help: "Side of a tile in pixels.")
    var tileSize = 256

    @Option(help: "Pixels that neighbouring tiles share.")
    var overlap = 0

    @Option(help: "At the right and lower edge: shift the last tile inwards, pad it, or drop it.")
    var edge: EdgePolicy = .shift

    @Option(help: "Grid of the tiles: scene (its own pixels), utm or webmercator, the latter also with metres per pixel: utm:10.")
    var grid = "scene"

    @Option(help: "Bands to show the encoder: auto, rgb, one number, or three: 3,2,1.")
    var bands = "auto"

    @Option(help: "To 8 bits: auto, none, range:LOW,HIGH or percentile:LOW,HIGH.")
    var stretch = "auto"

    @Option(help: "Least share of valid pixels in a tile, 0 to 1.")
    var minValid = 0.5

    @Option(help: "Band of clouds and its classes (4:3,8,9,10) or bits (5:bits:3,4).")
    var cloudBand: String?

    @Option(help: "Refuse a scene of more pixels than this.")
    var maxPixels = TilingLimits.standard.maximumPixels

    func options() throws -> TilingOptions {
        let options = TilingOptions(
            tileSize: tileSize, overlap: overlap, edge: edge, grid: try TileGridKind(parsing: grid),
            bands: try BandSelection(parsing: bands), stretch: try Stretch(parsing: stretch), minValid: minValid,
            cloud: try cloudBand.map { try CloudMask(parsing: $0) })
        try options.validate()
        return options
    }

    var limits: TilingLimits {
        TilingLimits(maximumPixels: maxPixels)
    }
}

extension EdgePolicy: ExpressibleByArgument {}
