import Foundation
import MetricLearning
import Training

/// An evaluation as tables for a person: the scores of all queries, and of each class from the worst up.
struct EvaluationTable {
    private let evaluation: Evaluation

    init(_ evaluation: Evaluation) { self.evaluation = evaluation }

    var text: String {
        let scores = evaluation.report.overall
        var overall = TextTable([("measure", .left), ("value", .right)])
        overall.append(["mAP", format(scores.meanAveragePrecision)])
        for (k, value) in scores.precision.sorted(by: { $0.key < $1.key }) { overall.append(["P@\(k)", format(value)]) }
        for (k, value) in scores.recall.sorted(by: { $0.key < $1.key }) { overall.append(["Recall@\(k)", format(value)]) }
        overall.append(["ANMRR", format(scores.anmrr)])
        var classes = TextTable([("class", .left), ("queries", .right), ("mAP", .right), ("P@5", .right), ("Recall@1", .right)])
        let worstFirst = evaluation.report.perClass.sorted {
            ($0.scores.meanAveragePrecision, $0.label) < ($1.scores.meanAveragePrecision, $1.label)
        }
        for row in worstFirst {
            classes.append([
                evaluation.classes[row.label], "\(row.scores.queries)", format(row.scores.meanAveragePrecision),
                format(row.scores.precision[5] ?? 0), format(row.scores.recall[1] ?? 0),
            ])
        }
        return "\(Quantity.count(scores.queries)) queries, each ranking all other images\n\n\(overall.text)\n\n\(classes.text)"
    }

    private func format(_ value: Double) -> String { String(format: "%.4f", value) }
}
