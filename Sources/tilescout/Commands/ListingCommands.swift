import ArgumentParser
import Embedding
import Foundation
import Retrieval
import TileGrid
import TileStore

struct ScenesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "scenes", abstract: "Lists the scenes stored.")

    @Option(name: [.short, .long], help: "Only of this collection.")
    var collection: String?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup(title: "Database") var database: DatabaseArguments

    struct Entry: Encodable {
        var id: Int
        var collection, path, sha256, coordinateSystem: String
        var width, height, bands, tiles: Int
        var groundSampleDistance: Double?
        var acquired: Date?
    }

    func run() throws {
        let scenes = try database.store().scenes(collection: collection)
        if json {
            return try Terminal.writeJSON(scenes.map {
                Entry(
                    id: $0.id, collection: $0.collection, path: $0.path, sha256: $0.sha256, coordinateSystem: $0.crsName,
                    width: $0.width, height: $0.height, bands: $0.bandCount, tiles: $0.tiles,
                    groundSampleDistance: $0.groundSampleDistance, acquired: $0.acquiredAt)
            })
        }
        var table = TextTable([
            ("scene", .right), ("collection", .left), ("tiles", .right), ("pixels", .right), ("bands", .right),
            ("m/pixel", .right), ("acquired", .left), ("coordinates", .left), ("path", .left),
        ])
        for scene in scenes {
            table.append([
                "\(scene.id)", scene.collection, Quantity.count(scene.tiles), "\(scene.width)×\(scene.height)",
                "\(scene.bandCount)", scene.groundSampleDistance.map { String(format: "%.4g", $0) } ?? "–",
                scene.acquiredAt.map { String($0.ISO8601Format().prefix(10)) } ?? "–", scene.crsName, scene.path,
            ])
        }
        try Terminal.write(scenes.isEmpty ? "No scene is stored yet: tilescout ingest DIR" : table.text)
    }
}

struct FailuresCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "failures", abstract: "Lists files that could not be ingested and have not been since, with the reason.")

    @Option(name: [.short, .long], help: "Only of this collection.")
    var collection: String?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup(title: "Database") var database: DatabaseArguments

    struct Entry: Encodable {
        var collection, path, stage, reason: String
        var failed: Date
        var run: Int
    }

    func run() throws {
        let failures = try database.store().failures(collection: collection)
        if json {
            return try Terminal.writeJSON(failures.map {
                Entry(
                    collection: $0.collection, path: $0.path, stage: $0.stage, reason: $0.reason, failed: $0.failedAt,
                    run: $0.runID)
            })
        }
        for failure in failures {
            try Terminal.write("\(failure.path)\n  \(failure.stage): \(failure.reason) (run \(failure.runID), \(failure.failedAt.ISO8601Format()))")
        }
        if failures.isEmpty { try Terminal.write("No failures.") }
    }
}

struct ModelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models", abstract: "Lists the models installed here.")

    @Flag(help: "Print JSON.")
    var json = false

    struct Entry: Encodable {
        var name, path, architecture, weightsSHA256: String
        var dimension: Int
        var licence, source: String?
        var isDefault: Bool
    }

    func run() throws {
        var entries: [Entry] = []
        for path in installedModels() {
            do {
                let model = try EncoderModel.load(path: path)
                entries.append(Entry(
                    name: model.name, path: path, architecture: "\(model.architecture)", weightsSHA256: model.weightsSHA256,
                    dimension: model.dimension, licence: model.licence, source: model.source,
                    isDefault: URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent == EncoderModel.defaultName))
            } catch {
                Terminal.warn("\(error)")
            }
        }
        if json { return try Terminal.writeJSON(entries) }
        var table = TextTable([
            ("model", .left), ("dimension", .right), ("architecture", .left), ("weights", .left), ("file", .left),
        ])
        for entry in entries {
            table.append([
                entry.name + (entry.isDefault ? " (default)" : ""), "\(entry.dimension)", entry.architecture,
                String(entry.weightsSHA256.prefix(12)), entry.path,
            ])
        }
        try Terminal.write(entries.isEmpty ? "No model is installed: scripts/setup fetches them." : table.text)
    }
}

struct ForgetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget", abstract: "Removes a scene with its tiles and embeddings; its file stays.")

    @Argument(help: "Number (tilescout scenes), path, or eight or more leading digits of the SHA-256.")
    var scene: String

    @Option(name: [.short, .long], help: "Only in this collection.")
    var collection: String?

    @OptionGroup(title: "Database") var database: DatabaseArguments

    func run() throws {
        let store = try database.store()
        let found = try store.findScenes(scene, collection: collection)
        guard let id = found.first else { throw RetrievalError("forget", "scene \(scene)", "there is no such scene") }
        guard found.count == 1 else {
            throw RetrievalError("forget", "scene \(scene)", "\(found.count) scenes match; name one by its number")
        }
        let tiles = try store.forget(sceneID: id)
        try Terminal.write("forgot scene \(id) and \(Quantity.count(tiles, "tile"))")
    }
}

struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Shows what is known of a tile.")

    @Argument(help: "Id of the tile.")
    var tile: String

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup(title: "Database") var database: DatabaseArguments

    struct Entry: Encodable {
        var tile: TileID
        var collection, scene, coordinateSystem, tiling, footprint: String
        var acquired: Date?
        var window: PixelWindow
        var geotransform: GeoTransform
        var validFraction: Double
        var cloudFraction, groundSampleDistance: Double?
        var run: Int
    }

    func run() throws {
        guard let id = TileID(tile) else {
            throw Failure("“\(tile)” is no tile id; one looks like 0f8fad5b-d9cb-469f-a165-70867728950e", ExitStatus.badData)
        }
        guard let record = try database.store().tile(id) else {
            throw RetrievalError("show", "tile \(id)", "there is no such tile")
        }
        if json {
            return try Terminal.writeJSON(Entry(
                tile: id, collection: record.collection, scene: record.scenePath, coordinateSystem: record.crs,
                tiling: record.tiling, footprint: record.footprintGeoJSON, acquired: record.acquiredAt,
                window: record.window, geotransform: record.geoTransform, validFraction: record.validFraction,
                cloudFraction: record.cloudFraction, groundSampleDistance: record.groundSampleDistance, run: record.runID))
        }
        let window = record.window
        var lines = [
            "tile        \(id)", "collection  \(record.collection)", "scene       \(record.scenePath)",
            "window      \(window.width) × \(window.height) pixels from column \(window.x), row \(window.y)",
            "coordinates \(record.crs.hasPrefix("EPSG:") ? record.crs : String(record.crs.prefix(60)))",
            "valid       \(String(format: "%.1f", record.validFraction * 100)) %",
        ]
        if let cloud = record.cloudFraction { lines.append("cloud       \(String(format: "%.1f", cloud * 100)) %") }
        if let distance = record.groundSampleDistance { lines.append("resolution  \(String(format: "%.4g", distance)) m/pixel") }
        if let acquired = record.acquiredAt { lines.append("acquired    \(acquired.ISO8601Format())") }
        lines.append("footprint   \(record.footprintGeoJSON)")
        try Terminal.write(lines.joined(separator: "\n"))
    }
}
