import Foundation
import Retrieval

/// An answer as a table for a person.
struct AnswerTable {
    private let answer: Answer
    private let sheet: String?

    init(_ answer: Answer, sheet: String?) {
        self.answer = answer
        self.sheet = sheet
    }

    var text: String {
        guard !answer.hits.isEmpty else { return "No tile passes the filter. (\(answer.plan))" }
        var table = TextTable([
            ("rank", .right), ("distance", .right), ("lon", .right), ("lat", .right), ("acquired", .left),
            ("collection", .left), ("scene", .left), ("tile", .left),
        ])
        for hit in answer.hits {
            table.append([
                "\(hit.rank)", String(format: "%.4f", hit.distance), String(format: "%.4f", hit.longitude),
                String(format: "%.4f", hit.latitude), hit.date ?? "–", hit.collection,
                (hit.scene as NSString).lastPathComponent, "\(hit.tile)",
            ])
        }
        let how = "\(Quantity.count(answer.hits.count, "tile")), \(answer.plan), model \(answer.model)"
        return [table.text, "", how, sheet.map { "contact sheet: \($0)" }].compactMap { $0 }.joined(separator: "\n")
    }
}
