import Foundation
import TileGrid

/// A tile id from the uuid that a plain query gives.
enum TileIDText {
    static func id(_ uuid: UUID) -> TileID { TileID(uuid.uuidString.lowercased())! }
}
