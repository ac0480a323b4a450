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
