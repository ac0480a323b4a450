import ContactSheet
import Foundation
import TileStore
import Tiling

/// Reads tiles back from their scenes, as the encoder saw them.
///
/// Keeps the last scene open: ask for tiles of one scene one after the other.
public final class TilePictures {
    private struct Key: Hashable {
        var path: String
        var tiling: String
    }

    private let limits: TilingLimits
    private var opened: (key: Key, result: Result<SceneCutter, RetrievalError>)?

    public init(limits: TilingLimits = .standard) {
        self.limits = limits
    }

    /// The picture, or in words why there is none: the scene is gone, or its bytes are not those that were ingested.
    public func picture(of tile: TileRecord) -> SheetTile.Picture {
        do {
            let cutter = try cutter(for: Key(path: tile.scenePath, tiling: tile.tiling))
            guard let index = cutter.layout.index(of: tile.window), cutter.tileID(index) == tile.tileID else {
                return .missing("its scene has changed since it was ingested")
            }
            guard case .tile(let cut) = try cutter.cut(index) else { return .missing("it cannot be cut again") }
            return .image(cut.image)
        } catch let error as RetrievalError {
            return .missing(error.reason)
        } catch {
            return .missing("\(error)")
        }
    }

    private func cutter(for key: Key) throws -> SceneCutter {
        if let opened, opened.key == key { return try opened.result.get() }
        let result: Result<SceneCutter, RetrievalError>
        do {
            let options = try JSONDecoder().decode(TilingOptions.self, from: Data(key.tiling.utf8))
            result = .success(try SceneCutter(path: key.path, options: options, limits: limits))
        } catch let error as TilingError {
            result = .failure(RetrievalError("read", key.path, error.reason))
        }
        opened = (key, result)
        return try result.get()
    }
}
