import ArgumentParser
import Foundation
import Ingest

@main
struct Tilescout: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tilescout",
        abstract: "Finds places that look alike in satellite and aerial imagery.",
        discussion: """
            A first search, from nothing:
              tilescout ingest scenes/ --collection mine
              tilescout search --at 12.49,41.89 --within 12,41,13,42 --sheet hits.png

            Exit status: 0 success · 2 the run completed but some scenes failed · 3 a run refused to publish · 64 wrong call · 65 malformed input · \
            66 what was named does not exist · 69 database unavailable · 70 a fault of ours · 74 cannot write · 75 another run is under way · \
            78 database of another version, or a right is missing · 130, 143 interrupted.
            """,
        version: TilescoutVersion.current,
        subcommands: [
            PlanCommand.self, IngestCommand.self, TileCommand.self, EmbedCommand.self, SearchCommand.self,
            ShowCommand.self, ScenesCommand.self, FailuresCommand.self, ModelsCommand.self, ForgetCommand.self,
            SplitCommand.self, TrainCommand.self, EvaluateCommand.self,
            PipelineCommand.self, RunCommand.self, WorkerCommand.self, RunsCommand.self, PublishCommand.self, RollbackCommand.self,
            ReembedCommand.self, DrainCommand.self, DatabaseCommand.self, BenchCommand.self,
        ])

    static func main() {
        // A reader that goes away (`tilescout scenes | head`) is an error of write(2), not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        Interruption.install()
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let failure as Failure {
            Terminal.writeError("error: \(failure.message)\n")
            exit(withError: failure.status)
        } catch {
            guard let failure = Failure(error) else { exit(withError: error) }
            Terminal.writeError("error: \(failure.message)\n")
            exit(withError: failure.status)
        }
    }
}
