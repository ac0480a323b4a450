import ArgumentParser
import Embedding
import Foundation
import Retrieval
import TileGrid
import TileStore

struct SearchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Finds tiles that look like a tile, an image or a place.",
        discussion: """
            tilescout search --at 86.9,28.0 --within -82,-56,-34,13 -k 12 --one-per-place --sheet hits.png
            tilescout search --image roof.png --within area.geojson --acquired 2020/2024 --format csv
            """)

    enum Format: String, CaseIterable, ExpressibleByArgument {
        case table, json, geojson, csv
    }

    @Option(help: "Id of a stored tile.")
    var like: String?

    @Option(help: "An image file; it needs no place.")
    var image: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("The stored tile at this place.", valueName: "lon,lat"))
    var at: String?

    @Option(parsing: .unconditional, help: ArgumentHelp(
        "Only within this area: a GeoJSON file, WKT, or W,S,E,N in degrees.", valueName: "area"))
    var within: String?

    @Option(parsing: .unconditional, help: ArgumentHelp(
        "Only what was acquired then: 2020, 2020-05-01/2020-09-30, 2020/..", valueName: "from/to"))
    var acquired: String?

    @Option(name: [.short, .long], help: "Only in this collection; may be repeated.")
    var collection: [String] = []

    @Option(help: "Only tiles with at least this share of valid pixels, 0 to 1.")
    var minValid: Double?

    @Option(help: "Only tiles with at most this share of cloud, 0 to 1.")
    var maxCloud: Double?

    @Option(name: .customShort("k"), help: ArgumentHelp("How many.", valueName: "count"))
    var count = 20

    @Flag(help: "Of tiles that overlap, only the best.")
    var onePerPlace = false

    @OptionGroup(title: "Narrowing") var narrowing: NarrowingArguments

    @Option(help: ArgumentHelp("As it was when this run was published (tilescout runs).", valueName: "run"))
    var asOf: Int?

    @Option(help: "table, json, geojson or csv.")
    var format = Format.table

    @Option(help: ArgumentHelp("Also draw a contact sheet.", valueName: "png"))
    var sheet: String?

    @OptionGroup(title: "Encoding") var encoding: EncodingArguments
    @OptionGroup(title: "Database") var database: DatabaseArguments

    func validate() throws {
        guard [like, image, at].compactMap({ $0 }).count == 1 else {
            throw ValidationError("Say what the tiles should look like: one of --like, --image and --at.")
        }
    }

    func run() throws {
        let question = try question()
        let store = try database.store()
        if let asOf {
            let pruned = try store.setAsOf(runID: asOf, model: image == nil ? question.model : model(store).name)
                .filter { collection.isEmpty || collection.contains($0) }
            if !pruned.isEmpty {
                Terminal.warn("retention has deleted scenes of \(pruned.joined(separator: ", ")) that were visible after run \(asOf): they are not found")
            }
        }
        let searcher = Searcher(store: store, precision: encoding.precision) { try model(store) }
        let subject = try searcher.resolve(question)
        let answer = try searcher.answer(question, about: subject)
        if let hint = answer.hint { Terminal.warn(hint) }
        if let sheet { try searcher.sheet(of: answer, to: question, about: subject).writePNG(to: sheet) }
        switch format {
        case .table: try Terminal.write(AnswerTable(answer, sheet: sheet).text)
        case .json: try Terminal.write(AnswerFormat.json.text(of: answer), terminator: "")
        case .geojson: try Terminal.write(AnswerFormat.geojson.text(of: answer), terminator: "")
        case .csv: try Terminal.write(AnswerFormat.csv.text(of: answer), terminator: "")
        }
    }

    /// Whose vectors an image is compared with: the model that is named, or the one that serves.
    private func model(_ store: TileStore) throws -> EncoderModel {
        guard encoding.model == nil, let serving = try store.models().first(where: \.isServing)?.name else { return try encoding.loadModel() }
        return try EncoderModel.load(named: serving)
    }

    private func question() throws -> SearchQuestion {
        var question = SearchQuestion(try subject())
        if image == nil, encoding.model != nil { question.model = try encoding.loadModel().name }
        question.area = try within.map { try AreaOfInterest($0) }
        question.acquired = try acquired.map { try AcquisitionRange($0) }
        question.collections = collection
        question.minValid = minValid
        question.maxCloud = maxCloud
        question.count = count
        question.onePerPlace = onePerPlace
        try narrowing.apply(to: &question)
        return question
    }

    private func subject() throws -> SearchQuestion.Subject {
        if let image { return .image(image) }
        if let like {
            return .tile(try NarrowingArguments.tile(like))
        }
        return .place(try NarrowingArguments.place(at ?? "", option: "--at"))
    }
}
