import Embedding
import Foundation
import Ingest
import TileGrid
import Tiling
import Yams

/// Reads pipeline files.
public enum PipelineFile {
    /// More is no pipeline: guards against a file named by mistake, and against anchors that multiply.
    private static let mostBytes = 1 << 20

    /// - Parameter checkModel: throws what is wrong with a model of that name; without it, any name is taken.
    /// - Throws: `PipelineFileError` with every problem found.
    public static func read(_ path: String, checkModel: @escaping (String) throws -> Void = { _ in }) throws -> PipelineDefinition {
        func refuse(_ reason: String) -> PipelineFileError {
            PipelineFileError(path: path, problems: [PipelineProblem(line: 1, column: 1, key: "", reason: reason)])
        }
        let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber)?.intValue
        guard let size else { throw refuse("no such file, or it cannot be read") }
        guard size <= mostBytes else { throw refuse("it has \(size) bytes, and a pipeline has at most \(mostBytes)") }
        guard let data = FileManager.default.contents(atPath: path), let text = String(validating: data, as: UTF8.self) else {
            throw refuse("it cannot be read as UTF-8 text")
        }
        return try parse(text, path: path, checkModel: checkModel)
    }

    /// - Parameter path: what the file is called in messages.
    public static func parse(_ text: String, path: String, checkModel: @escaping (String) throws -> Void = { _ in }) throws -> PipelineDefinition {
        guard text.utf8.count <= mostBytes else {
            throw PipelineFileError(path: path, problems: [.init(line: 1, column: 1, key: "", reason: "it is too long for a pipeline")])
        }
        let problems = KeyedNode.Problems()
        do {
            // References to anchors can multiply a small file without end ("billion laughs"): none is needed here.
            guard let root = try compose(yaml: text) else { throw Reason("it is empty") }
            guard case .mapping(let mapping) = root else { throw Reason("it must have keys: name, collection, sources …") }
            let definition = PipelineReader(KeyedNode(mapping, path: "", problems: problems), checkModel: checkModel).read()
            if problems.all.isEmpty, let definition { return definition }
        } catch let error as YamlError {
            problems.all.append(problem(error))
        } catch {
            problems.all.append(PipelineProblem(line: 1, column: 1, key: "", reason: "\(error)"))
        }
        throw PipelineFileError(path: path, problems: problems.all.sorted { ($0.line, $0.column) < ($1.line, $1.column) })
    }

    private static func problem(_ error: YamlError) -> PipelineProblem {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
            PipelineProblem(line: max(1, mark.line), column: max(1, mark.column), key: "", reason: "not YAML: \(problem)")
        case .reader(let problem, let offset, _, let yaml):
            PipelineProblem(
                line: 1 + yaml.prefix(offset ?? 0).count { $0.isNewline }, column: 1, key: "", reason: "not YAML: \(problem)")
        case .duplicatedKeysInMapping(let keys, let context):
            PipelineProblem(
                line: context.mark.line, column: context.mark.column, key: keys.joined(separator: ", "), reason: "it is given twice")
        default:
            PipelineProblem(line: 1, column: 1, key: "", reason: "not YAML: \(error)")
        }
    }
}
