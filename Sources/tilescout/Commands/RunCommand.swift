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
            3 refused: more failed or is gone than the pipeline allows, yesterday's state stays · 74 also where only the report could not be written · 75 another run of it is under way · \
            others as of every command. The report is written in any case but 75.
            """)

    @Argument(help: "Pipeline file.")
    var pipeline: String

    @Option(help: ArgumentHelp("This process's share of an array job, as 0/4; the last share to end publishes.", valueName: "i/n"))
    var shard: ShardNumber?

    @Option(help: ArgumentHelp(
        "With --shard: what the array is called, another name each night; $SLURM_ARRAY_JOB_ID without it.", valueName: "key"))
    var array: String?

    @Flag(help: "Print the report as JSON.")
    var json = false

    @Flag(name: [.short, .long], help: "Nothing but errors.")
    var quiet = false

    @OptionGroup(title: "Database") var database: DatabaseArguments

    struct ShardNumber: ExpressibleByArgument {
        var index, count: Int

        init?(argument: String) {
            let numbers = argument.split(separator: "/").map { Int($0) }
            guard numbers.count == 2, let index = numbers[0], let count = numbers[1], count > 0, (0..<count).contains(index) else { return nil }
            self.index = index
            self.count = count
        }
    }

    private var arrayKey: String? {
        [array, ProcessInfo.processInfo.environment["SLURM_ARRAY_JOB_ID"]].compactMap { $0 }.first { !$0.isEmpty }
    }

    func validate() throws {
        if shard != nil, arrayKey == nil {
            throw ValidationError("Say with --array KEY which array the share is of: another one each night, or a share that is late counts for the next.")
        }
        if shard == nil, array != nil { throw ValidationError("--array goes with --shard.") }
    }

    func run() throws {
        let shard = shard.map { PipelineRun.Shard(index: $0.index, count: $0.count, array: arrayKey ?? "") }
        let definition = try PipelineFile.read(pipeline)
        // Here too: band stacks and the report's pictures open scenes.
        Confinement.restrictProcess()
        let run = PipelineRun(
            definition, shard: shard, log: { [quiet] line in if !quiet { Terminal.writeError(line + "\n") } }, warn: Terminal.warn
        ) { [database] in
            PipelineRun.Access(store: try database.migratedStore(), worker: try WorkerLaunch.make(database))
        }
        let report: NightlyReport
        do {
            report = try run.run()
        } catch let error as PipelineError where error.code == .locked {
            // Whoever leads that run tells how it ends.
            throw error
        } catch {
            if json { try? Terminal.write(String(decoding: run.report.json(), as: UTF8.self)) }
            if let problem = run.reportProblem { Terminal.warn(problem) }
            alarm(definition, Failure(error)?.message ?? "\(error)", report: run.reportPage)
            throw error
        }
        let written = Result {
            if json { try Terminal.write(String(decoding: report.json(), as: UTF8.self)) }
            else if !quiet { try Terminal.write(NightlySummary(report).text) }
        }
        // Whether that can be read or not, the alarm tells.
        try conclude(definition, report, problem: run.reportProblem, page: run.reportPage)
        try written.get()
    }

    /// Exit status and alarm of a run that came to its end. The worst is said last, and is the status.
    private func conclude(_ definition: PipelineDefinition, _ report: NightlyReport, problem: String?, page: String?) throws {
        let failed = report.scenes.failed + report.scenes.setAside
        if report.outcome == .refused {
            let failure = Failure("run \(report.run) is not published: \(report.reason ?? "")", ExitStatus.refused)
            if let problem { Terminal.warn(problem) }
            alarm(definition, failure.message, report: page)
            throw failure
        }
        if let problem {
            alarm(definition, problem, report: page)
            throw Failure("run \(report.run) is \(report.outcome.rawValue), but its report is not complete: \(problem)", ExitStatus.cannotWrite)
        }
        if failed > 0, report.outcome != .shardDone {
            alarm(definition, "\(failed) scenes failed", report: page)
            throw ExitStatus.someScenesFailed
        }
    }

    /// Tells whoever the pipeline says. Its own failure is a warning.
    private func alarm(_ definition: PipelineDefinition, _ reason: String, report: String?) {
        var environment = WorkerLaunch.environmentWithoutSecrets
        environment["TILESCOUT_PIPELINE"] = definition.name
        environment["TILESCOUT_REASON"] = reason
        environment["TILESCOUT_REPORT"] = report
        if let problem = FailureCommand(definition.report.onFailure, environment: environment).run() { Terminal.warn(problem) }
    }
}
