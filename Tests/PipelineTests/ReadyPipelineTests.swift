import Foundation
import Pipeline
import Testing

/// The pipelines that come with Tilescout are good ones, and the schema knows the keys that they use.
@Suite("Ready pipelines")
struct ReadyPipelineTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("pipelines")

    private static let names = ["sentinel-2-l2a-safe", "sentinel-2-l2a-cog", "landsat-c2", "naip", "drone", "rgb"]

    @Test("Each can be read, and is called as its file is", arguments: names)
    func read(name: String) throws {
        let pipeline = try PipelineFile.read(Self.folder.appendingPathComponent("\(name).yaml").path)
        #expect(pipeline.name == name)
    }

    @Test("The alarms that the simplest one shows are good ones when the mark before them is taken away")
    func alarms() throws {
        let text = try String(contentsOf: Self.folder.appendingPathComponent("rgb.yaml"), encoding: .utf8)
        let lines = text.split(separator: "\n").filter { $0.hasPrefix("  # on_failure: ") }
        #expect(lines.count == 2)
        for line in lines {
            let pipeline = try PipelineFile.parse(text.replacingOccurrences(of: line, with: line.replacingOccurrences(of: "# ", with: "")), path: "rgb.yaml")
            #expect(pipeline.report.onFailure.count == 3 && pipeline.report.onFailure[0] == "sh")
            #expect(pipeline.report.onFailure[2].contains("$TILESCOUT_REASON"))
        }
    }

    @Test("The schema has exactly the keys that the reader asks for")
    func schema() throws {
        let data = try Data(contentsOf: Self.folder.appendingPathComponent("pipeline.schema.json"))
        let schema = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        func keys(_ node: [String: Any]) -> [String] { ((node["properties"] as? [String: Any]) ?? [:]).keys.sorted() }
        // What the reader says of a key that does not exist lists those that do.
        func asked(_ text: String) -> [String] {
            do {
                _ = try PipelineFile.parse(text, path: "p")
            } catch let error as PipelineFileError {
                for problem in error.problems {
                    guard let list = problem.reason.components(separatedBy: "there are ").dropFirst().first else { continue }
                    return list.components(separatedBy: ", ")
                }
            } catch {}
            return []
        }
        #expect(asked("name: n\nsources: /d\nx: 1") == keys(schema))
        for (name, node) in try #require(schema["properties"] as? [String: [String: Any]]) where node["type"] as? String == "object" {
            #expect(asked("name: n\nsources: /d\n\(name): {x: 1}") == keys(node), "\(name)")
        }
    }
}
