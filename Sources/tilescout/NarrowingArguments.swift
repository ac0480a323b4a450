import ArgumentParser
import Foundation
import Retrieval
import TileGrid

/// What narrows a search further: feedback, distance on the ground and in look, pages.
struct NarrowingArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Like this tile as well; may be repeated.", valueName: "tile"))
    var alsoLike: [String] = []

    @Option(help: ArgumentHelp("Unlike this tile; may be repeated.", valueName: "tile"))
    var unlike: [String] = []

    @Option(parsing: .unconditional, help: ArgumentHelp("Only near this place; with --radius.", valueName: "lon,lat"))
    var near: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("How near, in metres.", valueName: "metres"))
    var radius: Double?

    @Option(help: ArgumentHelp("Only with such pixels, in metres: 0.5/1.", valueName: "from/to"))
    var resolution: String?

    @Option(help: ArgumentHelp("No tile further off in look: cosine distance, 0 to 2.", valueName: "distance"))
    var maxDistance: Double?

    @Flag(help: "Leave out the scenes of the tiles asked with.")
    var otherScenes = false

    @Flag(help: "Leave out the place of the tile asked with.")
    var otherPlaces = false

    @Option(help: ArgumentHelp("The next page: what follows the last tile of the one before.", valueName: "tile"))
    var after: String?

    func validate() throws {
        guard (near == nil) == (radius == nil) else { throw ValidationError("--near and --radius go together.") }
    }

    func apply(to question: inout SearchQuestion) throws {
        question.positives = try alsoLike.map(Self.tile)
        question.negatives = try unlike.map(Self.tile)
        if let near, let radius { question.near = (try Self.place(near, option: "--near"), radius) }
        question.resolution = try resolution.map(Self.range)
        question.maxDistance = maxDistance
        question.excludeScene = otherScenes
        question.excludePlace = otherPlaces
        question.after = try after.map(Self.tile)
    }

    static func tile(_ text: String) throws -> TileID {
        guard let id = TileID(text) else {
            throw Failure("“\(text)” is no tile id; one looks like 0f8fad5b-d9cb-469f-a165-70867728950e", ExitStatus.badData)
        }
        return id
    }

    static func place(_ text: String, option: String) throws -> Point {
        let numbers = text.split(separator: ",").map { Double($0.trimmingCharacters(in: .whitespaces)) }
        guard numbers.count == 2, let longitude = numbers[0], let latitude = numbers[1] else {
            throw Failure("“\(text)” is no place; give \(option) LON,LAT in degrees", ExitStatus.badData)
        }
        return Point(x: longitude, y: latitude)
    }

    static func range(_ text: String) throws -> ClosedRange<Double> {
        let numbers = text.split(separator: "/", omittingEmptySubsequences: false).map { Double($0) }
        guard numbers.count == 2, let least = numbers[0], let most = numbers[1], least > 0, least <= most else {
            throw Failure("“\(text)” is no range of pixel sizes; give FROM/TO in metres, as in 0.5/1", ExitStatus.badData)
        }
        return least...most
    }
}
