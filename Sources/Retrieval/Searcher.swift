import ContactSheet
import Embedding
import Foundation
import TileGrid
import TileStore
import Tiling

/// Answers questions from a store, and shows the answers.
public struct Searcher {
    private let store: TileStore
    private let model: () throws -> EncoderModel
    private let precision: EncoderPrecision

    /// - Parameter model: loads the encoder; called only for a question with an image.
    public init(store: TileStore, precision: EncoderPrecision = .automatic, model: @escaping () throws -> EncoderModel) {
        self.store = store
        self.model = model
        self.precision = precision
    }

    /// A question with its subject found.
    public enum ResolvedSubject: Sendable {
        case tile(TileRecord)
        case image(path: String, TileImage, embedding: [Float], model: String)
    }

    /// Finds the tile that is asked about, or embeds the image.
    /// - Throws: `RetrievalError` for an unknown tile and a place without tiles, `TilingError` for an unreadable image.
    public func resolve(_ question: SearchQuestion) throws -> ResolvedSubject {
        switch question.subject {
        case .tile(let id):
            guard let tile = try store.tile(id) else {
                throw RetrievalError("search like", "tile \(id)", "there is no such tile")
            }
            return .tile(tile)
        case .place(let place):
            guard (-180...180).contains(place.x), (-90...90).contains(place.y) else {
                throw RetrievalError(
                    "search at", "\(place.x),\(place.y)", "a place is LON,LAT: -180 to 180 and -90 to 90")
            }
            let collections = question.collections.isEmpty ? nil : question.collections
            guard let tile = try store.tiles(lon: place.x, lat: place.y, collections: collections, limit: 1).first else {
                throw RetrievalError("search at", "\(place.x),\(place.y)", "no tile covers that place")
            }
            return .tile(tile)
        case .image(let path):
            let image = try TileImage(contentsOf: path)
            let model = try model()
            let embedding = try Encoder(model: model, precision: precision, threads: 1).embed([image]).values
            return .image(path: path, image, embedding: embedding, model: model.name)
        }
    }

    /// - Throws: `PostgreSQLError` with the reason for an invalid area or a number outside its range.
    public func answer(_ question: SearchQuestion, about subject: ResolvedSubject) throws -> Answer {
        var request = SearchRequest(k: question.count)
        switch subject {
        case .tile(let tile):
            request.likeTile = tile.tileID
            request.model = question.model
        case .image(_, _, let embedding, let model):
            request.embedding = embedding
            request.model = model
        }
        request.within = question.area.map { .wkt($0.wkt) }
        request.acquired = question.acquired.map { TimeRange(from: $0.start, to: $0.end) }
        request.collections = question.collections.isEmpty ? nil : question.collections
        request.minValid = question.minValid
        request.maxCloud = question.maxCloud
        request.onePerPlace = question.onePerPlace
        request.positives = question.positives
        request.negatives = question.negatives
        request.near = question.near.map {
            SearchNearness(place: .wkt("POINT(\($0.place.x) \($0.place.y))"), radius: $0.radius)
        }
        request.resolution = question.resolution
        request.maxDistance = question.maxDistance
        request.excludeScene = question.excludeScene
        request.excludePlace = question.excludePlace
        request.after = question.after
        let found = try store.search(request)
        var hint: String?
        if found.hits.isEmpty, let transposed = question.area?.transposed {
            request.within = .wkt(transposed.wkt)
            request.k = 1
            // An area that PostGIS refuses when it is turned about was not meant that way.
            if let turned = try? store.search(request), !turned.hits.isEmpty {
                hint = "the area has no tiles, but would have some with longitude and latitude exchanged; the longitude comes first"
            }
        }
        return Answer(
            model: found.model, plan: found.plan, exact: found.exact,
            hits: found.hits.map { hit in
                TileHit(
                    rank: hit.rank, tile: hit.tileID, distance: hit.distance, collection: hit.collection,
                    scene: hit.scenePath, acquired: hit.acquiredAt, validFraction: hit.validFraction,
                    cloudFraction: hit.cloudFraction, longitude: hit.lon, latitude: hit.lat,
                    footprint: hit.footprintGeoJSON)
            }, hint: hint)
    }

    /// A contact sheet of an answer, its tiles read back from their scenes.
    public func sheet(of answer: Answer, to question: SearchQuestion, about subject: ResolvedSubject) throws -> ContactSheet {
        let pictures = TilePictures()
        let records = Dictionary(
            try store.tiles(answer.hits.map(\.tile)).map { ($0.tileID, $0) }, uniquingKeysWith: { first, _ in first })
        // Scene by scene, so that each is opened once; then back in order of rank.
        let byScene = answer.hits.sorted { ($0.scene, $0.rank) < ($1.scene, $1.rank) }
        var tiles: [Int: SheetTile] = [:]
        for hit in byScene {
            tiles[hit.rank] = SheetTile(
                picture: records[hit.tile].map(pictures.picture) ?? .missing("it is no longer stored"),
                distance: hit.distance, place: Point(x: hit.longitude, y: hit.latitude), date: hit.date,
                title: Self.fileName(hit.scene))
        }
        let query: SheetTile
        switch subject {
        case .tile(let tile):
            query = SheetTile(
                picture: pictures.picture(of: tile), place: try Self.middle(of: tile),
                date: tile.acquiredAt.map { String($0.ISO8601Format().prefix(10)) }, title: Self.fileName(tile.scenePath))
        case .image(let path, let image, _, _):
            query = SheetTile(picture: .image(image), title: Self.fileName(path))
        }
        let like = query.placeText().map { "the place at \($0)" } ?? query.title
        let count = answer.hits.count
        return ContactSheet(
            title: "\(count) \(count == 1 ? "tile looks" : "tiles look") like \(like)",
            subtitle: "\(question.filterText) · model \(answer.model) · \(answer.exact ? "exact" : "approximate")",
            query: query, hits: answer.hits.compactMap { tiles[$0.rank] }, area: question.area?.polygons ?? [])
    }

    private static func middle(of tile: TileRecord) throws -> Point {
        let rings = try GeoJSONReader(name: "footprint").polygons(of: Data(tile.footprintGeoJSON.utf8)).map { $0[0] }
        // The larger part, where the antimeridian parts a tile.
        let ring = rings.max { $0.count < $1.count } ?? []
        let xs = ring.map(\.x), ys = ring.map(\.y)
        return Point(
            x: ((xs.min() ?? 0) + (xs.max() ?? 0)) / 2, y: ((ys.min() ?? 0) + (ys.max() ?? 0)) / 2)
    }

    private static func fileName(_ path: String) -> String {
        (path as NSString).lastPathComponent
    }
}
