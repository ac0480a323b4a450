import ArgumentParser
import Embedding
import Foundation
import Ingest

/// Which encoder, and how it runs: shared by `ingest`, `plan`, `embed`, `search` and `bench`.
struct EncodingArguments: ParsableArguments {
    @Option(help: ArgumentHelp(
        "Name of an installed model, or the path of a .safetensors file (tilescout models). "
            + "(default: \(EncoderModel.defaultName); in a search, the model that serves)"))
    var model: String?

    @Option(help: "Arithmetic: automatic (bfloat16 where the CPU has it), float32 or bfloat16.")
    var precision: EncoderPrecision = .automatic

    @Option(help: "Encoder threads; the number of cores without it.")
    var encoders: Int?

    @Option(help: "Tiles encoded together.")
    var batch: Int?

    func loadModel() throws -> EncoderModel {
        try EncoderModel.load(named: model ?? EncoderModel.defaultName)
    }

    var concurrency: IngestOptions.Concurrency {
        let standard = IngestOptions.Concurrency()
        return IngestOptions.Concurrency(encoders: encoders ?? standard.encoders, batch: batch ?? standard.batch)
    }
}

extension EncoderPrecision: ExpressibleByArgument {}
