import ArgumentParser
import Embedding
import Foundation
import Ingest
import Tiling

/// What scripts/benchmark calls; each subcommand measures one stage alone.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures one stage alone.", shouldDisplay: false,
        subcommands: [EncoderRate.self, Cut.self, Decode.self])

    struct EncoderRate: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "encoder")

        @OptionGroup var encoding: EncodingArguments

        @Option(help: "Seconds of each of three rounds.")
        var seconds = 3.0

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
            let benchmark = EncoderBenchmark(tileSize: tileSize, rounds: 3, secondsPerRound: seconds)
            let measured = try benchmark.run(encoder)
            try Terminal.writeJSON(Result(
                tilesPerSecond: measured.tilesPerSecond, rounds: measured.rounds, elementType: measured.elementType,
                threads: measured.threads))
        }
    }

    struct Cut: ParsableCommand {
        @Argument var scenes: [String]
        @OptionGroup var tiling: TilingArguments

        @Option(help: "Threads, each with a scene of its own.")
        var threads = 1

        struct Result: Encodable {
            var tiles: Int
            var seconds: Double
        }

        func run() throws {
            let report = try TileExport(
                roots: scenes, options: tiling.options(), limits: tiling.limits, folder: nil, threads: threads
            ).run()
            try Terminal.writeJSON(Result(tiles: report.tilesStored, seconds: report.seconds))
            try Terminal.report(report.failures)
        }
    }

    struct Decode: ParsableCommand {
        @Argument var scene: String

        struct Result: Encodable {
            var bytes: Int
            var seconds: Double
        }

        func run() throws {
            let started = Date()
            let bytes = try bareDecode(path: scene)
            try Terminal.writeJSON(Result(bytes: bytes, seconds: Date().timeIntervalSince(started)))
        }
    }
}
