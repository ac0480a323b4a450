import ArgumentParser
import ContactSheet
import Embedding
import Foundation
import MetricLearning
import TileGrid
import Tiling
import Training

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measures a model's retrieval on labelled images.",
        discussion: """
            Every image of DATASET, or of the test part of --split, queries all the others; an answer is right where its class is \
            the query's. mAP is over the whole ranked gallery; ANMRR is MPEG-7's, 0 being perfect.
            """)

    @Argument(help: "Name of an installed model, or the path of a .safetensors file.")
    var model: String

    @OptionGroup var dataset: DatasetArguments

    @Option(help: "Only the test images of this split.")
    var split: String?

    @Option(help: "PCA whitening to this many components, fitted on the training part of --split.")
    var whitening: Int?

    @Option(parsing: .upToNextOption, help: "Scales whose descriptors are summed, such as 0.7 1 1.4.")
    var scales: [Double] = [1]

    @Option(help: "Nearest images that a query is expanded by.")
    var expansion = 0

    @Option(help: "Arithmetic: automatic, float32 or bfloat16.")
    var precision: EncoderPrecision = .automatic

    @Option(help: "Write the scores as JSON.")
    var json: String?

    @Option(help: "Draw which class is taken for which.")
    var confusion: String?

    @Option(help: "Draw the best and the worst queries with their answers.")
    var sheet: String?

    func validate() throws {
        guard scales.allSatisfy({ $0 > 0.2 && $0 < 5 }), !scales.isEmpty else { throw ValidationError("--scales lie between 0.2 and 5") }
        guard expansion >= 0 else { throw ValidationError("--expansion is a number of images") }
        guard whitening == nil || split != nil else {
            throw ValidationError("--whitening is fitted on the training part of --split: name that too")
        }
    }

    func run() throws {
        let encoder = try EncoderModel.load(named: model)
        let images = try dataset.images()
        let parts = try split.map { try DatasetSplit(contentsOf: $0) }
        var options = EvaluationOptions()
        options.whitening = whitening
        options.scales = scales
        options.expansion = expansion
        let evaluation = try Evaluation(
            model: encoder, test: parts.map { try $0.select(.test, of: images) } ?? images,
            training: parts.map { try $0.select(.train, of: images) }, options: options, precision: precision)
        try Terminal.write(EvaluationTable(evaluation).text)
        if let json { try write(evaluation, to: json) }
        if let confusion { try picture(evaluation.report.nearestConfusion, evaluation.classes).writePNG(to: confusion) }
        if let sheet { try QuerySheet(evaluation, model: model).sheet.writePNG(to: sheet) }
    }

    private func picture(_ matrix: ConfusionMatrix, _ classes: [String]) -> ConfusionPicture {
        ConfusionPicture(
            title: String(format: "Nearest image: %.1f %% of the right class", 100 * matrix.accuracy),
            classes: matrix.labels.map { classes[$0] }, counts: matrix.counts)
    }

    private func write(_ evaluation: Evaluation, to path: String) throws {
        struct Contents: Encodable {
            let classes: [String]
            let report: RetrievalReport
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            try encoder.encode(Contents(classes: evaluation.classes, report: evaluation.report))
                .write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw Failure("cannot write \(path): \((error as NSError).localizedDescription)", ExitStatus.cannotWrite)
        }
    }
}
