import Foundation
import PostgreSQL
import TileGrid

/// Where to look.
public enum SearchArea: Hashable, Sendable {
    /// Well-known text, in WGS84 unless `SRID=n;` stands before it.
    case wkt(String)
    /// A geometry, a feature, or a collection of features.
    case geoJSON(String)

    /// A rectangle in degrees; west > east crosses the antimeridian.
    public static func bounds(_ bounds: Footprint.Bounds) throws -> SearchArea { .wkt(try Footprint(bounds: bounds).wkt) }

    var format: String {
        switch self {
        case .wkt: "wkt"
        case .geoJSON: "geojson"
        }
    }

    var text: String {
        switch self {
        case .wkt(let text), .geoJSON(let text): text
        }
    }
}

/// A half-open stretch of time; nil ends are open.
public struct TimeRange: Hashable, Sendable {
    public var from, to: Date?

    public init(from: Date?, to: Date?) {
        self.from = from
        self.to = to
    }
}

/// Within so many metres of a point or line.
public struct SearchNearness: Hashable, Sendable {
    public var place: SearchArea
    /// Metres.
    public var radius: Double

    public init(place: SearchArea, radius: Double) {
        self.place = place
        self.radius = radius
    }
}

/// The arguments of `tilescout.search`; nil does not restrict.
public struct SearchRequest: Hashable, Sendable {
    public var likeTile: TileID?
    public var embedding: [Float]?
    public var positives: [TileID] = []
    public var negatives: [TileID] = []
    /// 1 to 10,000.
    public var k = 20
    public var within: SearchArea?
    public var acquired: TimeRange?
    public var collections: [String]?
    public var near: SearchNearness?
    /// Ground sample distances in metres a pixel; tiles where it is unknown do not pass.
    public var resolution: ClosedRange<Double>?
    /// No tile further off in look: a cosine distance, 0 to 2.
    public var maxDistance: Double?
    /// The last tile of the page before: what follows it comes.
    public var after: TileID?
    public var minValid: Double?
    public var maxCloud: Double?
    /// Of tiles that overlap, only the best.
    public var onePerPlace = false
    /// Whose vectors; the serving model when nil.
    public var model: String?
    public var excludeSelf = true
    public var excludeScene = false
    /// Leave out what overlaps `likeTile`.
    public var excludePlace = false
    /// Count the rows that pass, which costs time on large tables; they are estimated otherwise.
    public var countPassing = false

    public init(likeTile: TileID? = nil, embedding: [Float]? = nil, k: Int = 20) {
        self.likeTile = likeTile
        self.embedding = embedding
        self.k = k
    }
}

public struct SearchHit: Hashable, Sendable {
    /// From 1.
    public let rank: Int
    public let tileID: TileID
    /// Cosine distance, 0 to 2.
    public let distance: Double
    public let collection: String
    public let sceneID: Int
    public let scenePath: String
    public let acquiredAt: Date?
    public let validFraction: Double
    public let cloudFraction: Double?
    /// Middle of the footprint, degrees.
    public let lon, lat: Double
    public let footprintGeoJSON: String
}

public struct SearchAnswer: Hashable, Sendable {
    public let hits: [SearchHit]
    /// Which plan, and why, in words.
    public let plan: String
    /// False where the index may have missed a nearer tile.
    public let exact: Bool
    /// Counted; nil unless the request asked for it.
    public let rowsPassing: Int?
    /// By counts of cells and the planner's statistics.
    public let rowsEstimated: Int
    /// The model whose vectors were compared.
    public let model: String
}
