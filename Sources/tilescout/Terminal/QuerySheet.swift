import ContactSheet
import Foundation
import MetricLearning
import TileGrid
import Tiling
import Training

/// The best and the worst queries of an evaluation, each with what it found first.
struct QuerySheet {
    let sheet: GridSheet
    private static let rows = 4, columns = 10

    init(_ evaluation: Evaluation, model: String) {
        let queries = evaluation.report.queries
        let ranked = queries.indices.filter { queries[$0].averagePrecision != nil }.sorted {
            (queries[$0].averagePrecision!, $0) < (queries[$1].averagePrecision!, $1)
        }
        let worst = ranked.prefix(Self.rows)
        // Perfect queries are many, mostly of one easy class: one of each class shows more.
        var shown: Set<Int> = []
        let best = ranked.reversed().filter { shown.insert(evaluation.queries.items[$0].label).inserted && !worst.contains($0) }
            .prefix(Self.rows)
        let answers = evaluation.answers(Self.columns)
        sheet = GridSheet(
            title: "Worst and best queries",
            subtitle: "\((model as NSString).lastPathComponent), \(queries.count) queries, mAP "
                + String(format: "%.4f", evaluation.report.overall.meanAveragePrecision),
            rows: (Array(worst) + best).map { Self.row($0, answers[$0], evaluation) })
    }

    private static func row(_ query: Int, _ found: [Int], _ evaluation: Evaluation) -> GridSheet.Row {
        let images = evaluation.queries, scores = evaluation.report.queries[query]
        let label = images.items[query].label
        let answers = found.map { row in
            GridSheet.Cell(
                picture: picture(row, images), verdict: images.items[row].label == label ? .right : .wrong,
                caption: images.classes[images.items[row].label])
        }
        return GridSheet.Row(
            heading: "\(images.classes[label]) · average precision " + String(format: "%.2f", scores.averagePrecision ?? 0),
            cells: [.init(picture: picture(query, images), caption: "query")] + answers)
    }

    private static func picture(_ row: Int, _ images: ImageDataset) -> SheetTile.Picture {
        do {
            return .image(try TileImage(contentsOf: "\(images.folder)/\(images.items[row].path)"))
        } catch {
            return .missing("\(error)")
        }
    }
}
