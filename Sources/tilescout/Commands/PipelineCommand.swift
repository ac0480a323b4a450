import ArgumentParser
import Embedding
import Pipeline

struct PipelineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pipeline", abstract: "Pipeline files: check them.", subcommands: [Check.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says what is wrong in pipeline files: line, key and reason; loads their models.", discussion: "Exit status 65 where anything is.")

        @Argument(help: "Pipeline files.")
        var files: [String]

        func run() throws {
            var isGood = true
            for file in files {
                do {
                    let pipeline = try PipelineFile.read(file) { _ = try EncoderModel.load(named: $0) }
                    let sizes = pipeline.tilings.map { "\($0.tileSize)" }.joined(separator: ", ")
                    try Terminal.write("\(file): good: \(pipeline.name), collection \(pipeline.collection), tiles of \(sizes) pixels, model \(pipeline.model)")
                } catch let error as PipelineFileError {
                    isGood = false
                    Terminal.writeError("\(error)\n")
                }
            }
            if !isGood { throw ExitStatus.badData }
        }
    }
}
