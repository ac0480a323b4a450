import ArgumentParser
import Embedding
import Foundation
import TileStore
import Tiling
import Training

/// What scripts/benchmark calls; each subcommand measures one stage alone.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures one stage alone.", shouldDisplay: false,
        subcommands: [EncoderRate.self, Cut.self, Decode.self, TrainingRate.self, Copy.self])

    struct EncoderRate: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "encoder")

        @OptionGroup var encoding: EncodingArguments

        @Option(help: "Seconds of each round.")
        var seconds = 3.0

        @Option(help: "Rounds; the best counts.")
        var rounds = 3

        @Option(help: "Side of the tiles given.")
        var tileSize = 256

        struct Result: Encodable {
            var tilesPerSecond: Double
            var rounds: [Double]
            var elementType: String
            var threads: Int
        }

        func run() throws {
            let encoder = try Encoder(
                model: encoding.loadModel(), precision: encoding.precision, threads: encoding.concurrency.encoders)
            let benchmark = EncoderBenchmark(tileSize: tileSize, rounds: rounds, secondsPerRound: seconds)
            let measured = try benchmark.run(encoder)
            try Terminal.writeJSON(Result(
                tilesPerSecond: measured.tilesPerSecond, rounds: measured.rounds, elementType: measured.elementType,
                threads: measured.threads))
        }
    }

    struct TrainingRate: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "training")

        @Option(help: "The network that is trained.")
        var model = EncoderModel.backboneName

        @Option(help: "Steps that are measured.")
        var steps = 10

        func run() throws {
            var options = TrainingOptions()
            options.threads = ProcessInfo.processInfo.activeProcessorCount
            try Terminal.writeJSON(TrainingBenchmark.run(backbone: .load(named: model), options: options, steps: steps))
        }
    }

    struct Cut: ParsableCommand {
        @Argument var scene: String
        @OptionGroup var tiling: TilingArguments

        @Option(help: "Rounds, each with the scene opened anew; the best counts.")
        var rounds = 3

        struct Result: Encodable {
            var tiles: Int
            var seconds: Double
        }

        func run() throws {
            // The fingerprint reads every byte, and no peer takes one: known from here on.
            let known = try SceneCutter(path: scene, options: tiling.options(), limits: tiling.limits).info
            var best = Result(tiles: 0, seconds: .infinity)
            for _ in 0..<rounds {
                let cutter = try SceneCutter(path: scene, options: tiling.options(), limits: tiling.limits, known: known)
                let started = Date()
                let totals = cutter.cutAll()
                let seconds = Date().timeIntervalSince(started)
                guard totals.failed == 0 else {
                    throw Failure("\(totals.failed) tiles of \(scene) cannot be cut", ExitStatus.badData)
                }
                if seconds < best.seconds { best = Result(tiles: totals.tiles, seconds: seconds) }
            }
            try Terminal.writeJSON(best)
        }
    }

    struct Decode: ParsableCommand {
        @Argument var scene: String

        @Option(help: "Rounds; the best counts.")
        var rounds = 3

        struct Result: Encodable {
            var bytes: Int
            var seconds: Double
        }

        func run() throws {
            var best = Result(bytes: 0, seconds: .infinity)
            for _ in 0..<rounds {
                let started = Date()
                let bytes = try bareDecode(path: scene)
                let seconds = Date().timeIntervalSince(started)
                if seconds < best.seconds { best = Result(bytes: bytes, seconds: seconds) }
            }
            try Terminal.writeJSON(best)
        }
    }

    struct Copy: ParsableCommand {
        @OptionGroup var database: DatabaseArguments

        @Option(help: "Rows of each round.")
        var rows = 100_000

        @Option(help: "Values of each vector.")
        var dimension = 256

        @Option(help: "Rounds.")
        var rounds = 3

        struct Result: Encodable {
            var rates: [Double]
            var table: String
        }

        func run() throws {
            let measured = try CopyBenchmark(rows: rows, dimension: dimension, rounds: rounds, connection: database.migratedStore().connection)
            try Terminal.writeJSON(Result(rates: measured.rates, table: CopyBenchmark.table))
        }
    }
}
