import ArgumentParser
import Foundation
import Pipeline
import TileStore
import Tiling

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs a pipeline: ingests what is new and changed, hides what is gone, publishes all of it at once, reports.",
        discussion: """
            Made for timers: run it every night, and again after any failure. Exit status: 0 done · 2 done, but some scenes failed · \
            3 refused: more failed or is gone than the pipeline allows, yesterday's state stays · 75 another run of it is under way · \
            others as of every command.
            """)

    @Argument(help: "Pipeline file.")
    var pipeline: String

    @Option(help: ArgumentHelp("This process's share of an array job, as 0/4; the last share to end publishes.", valueName: "i/n"))
    var shard: PipelineRun.Shard?

    @Flag(help: "Print the report as JSON.")
    var json = false

    @Flag(name: [.short, .long], help: "Nothing but errors.")
    var quiet = false

    @OptionGroup(title: "Database") var database: DatabaseArguments

    func run() throws {
        let definition = try PipelineFile.read(pipeline)
        // Here too: band stacks and the report's pictures open scenes.
        Confinement.restrictProcess()
        do {
            let location = try database.location()
            _ = try database.migratedStore()
            let report = try PipelineRun(
                definition, shard: shard, worker: WorkerLaunch.make(database),
                log: { [quiet] line in if !quiet { Terminal.writeError(line + "\n") } },
                openStore: { try TileStore(location) }).run()
            if json { Terminal.write(String(decoding: try report.json(), as: UTF8.self)) }
            else if !quiet { Terminal.write(NightlySummary(report).text) }
            if report.outcome == .refused {
                throw Failure("run \(report.run) is not published: \(report.reason ?? "")", ExitStatus.refused)
            }
            if report.scenes.failed + report.scenes.setAside > 0 {
                alarm(definition, "\(report.scenes.failed + report.scenes.setAside) scenes failed", run: report.run)
                throw ExitStatus.someScenesFailed
            }
        } catch let status as ExitCode {
            throw status
        } catch {
            let failure = (error as? Failure) ?? Failure(error)
            alarm(definition, failure?.message ?? "\(error)", run: nil)
            throw error
        }
    }

    /// Tells whoever the pipeline says: mail, a webhook by curl, a pager. Its own failure is a warning.
    private func alarm(_ definition: PipelineDefinition, _ reason: String, run: Int?) {
        guard let program = definition.report.onFailure.first else { return }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + definition.report.onFailure.dropFirst()
        var environment = WorkerLaunch.environmentWithoutSecrets
        environment["TILESCOUT_PIPELINE"] = definition.name
        environment["TILESCOUT_REASON"] = reason
        if let folder = definition.report.folder, let run { environment["TILESCOUT_REPORT"] = "\(folder)/\(definition.name)-\(run).html" }
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        do {
            try process.run()
            process.waitUntilExit()
            if process.terminationStatus != 0 { Terminal.warn("\(program) ended with status \(process.terminationStatus)") }
        } catch {
            Terminal.warn("\(program) could not be started")
        }
    }
}

extension PipelineRun.Shard: ExpressibleByArgument {
    public init?(argument: String) {
        let numbers = argument.split(separator: "/").map { Int($0) }
        guard numbers.count == 2, let index = numbers[0], let count = numbers[1], count > 0, (0..<count).contains(index) else { return nil }
        self.init(index: index, count: count)
    }
}
