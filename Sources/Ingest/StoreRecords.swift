import Embedding
import Foundation
import TileStore
import Tiling

extension EncoderModel {
    /// The model as the store knows it.
    public var registration: ModelDescription {
        ModelDescription(
            name: name, weightsSHA256: weightsSHA256, preprocessing: preprocessingJSON, dimension: dimension)
    }
}

extension SceneStamp {
    func file(at path: String) -> SceneFile {
        SceneFile(path: path, size: size, modifiedNanoseconds: modifiedMicroseconds * 1000)
    }
}

extension SceneRecord {
    init(_ info: SceneInfo) throws {
        self.init(
            file: info.fingerprint.stamp.file(at: info.path), sha256: info.fingerprint.sha256, driver: info.driver,
            width: info.width, height: info.height, bandCount: info.bandCount, bandDescriptions: info.bandDescriptions,
            dataType: info.dataType, nodata: info.noData, crsName: info.crsName, crsWKT: info.crsWKT,
            // GCPs and RPCs have no transform of their own: the grid's, which the tiles lie on, stands for it.
            geoTransform: info.geoTransform ?? info.grid.geoTransform,
            groundSampleDistance: info.groundSampleDistance,
            acquisition: info.acquired.map { .init(at: $0.instant, source: $0.source.rawValue) },
            footprint: info.footprint, stretch: try CanonicalJSON.text(info.stretch))
    }
}

extension TileRow {
    init(_ entry: EmbeddedTile, sceneID: Int, crs: String) {
        self.init(
            tileID: entry.id, sceneID: sceneID, window: entry.window, crs: crs, geoTransform: entry.geoTransform,
            footprint: entry.footprint, validFraction: entry.validFraction, cloudFraction: entry.cloudFraction,
            embedding: entry.embedding)
    }
}

/// JSON of which equal values have equal text.
public enum CanonicalJSON {
    public static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
