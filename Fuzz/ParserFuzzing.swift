import Foundation
import NeuralNetwork
import Pipeline
import Retrieval

/// The parsers that are ours: each takes bytes that somebody else wrote, and either reads them or throws.
enum FuzzTarget: String, CaseIterable {
    case pipeline, safetensors, labels, area, dates

    func read(_ data: Data) throws {
        switch self {
        case .pipeline:
            _ = try PipelineFile.parse(String(decoding: data, as: UTF8.self), path: "fuzz.yaml")
        case .safetensors:
            let file = try SafeTensors(data: data, path: "fuzz.safetensors")
            for (name, entry) in file.entries { _ = try file.values(name, shape: entry.shape) }
        case .labels:
            // The first byte tells which of the two.
            _ = try LabelReader(path: (data.first ?? 0) % 2 == 0 ? "fuzz.csv" : "fuzz.geojson").places(in: Data(data.dropFirst()))
        case .area:
            _ = try AreaOfInterest(String(decoding: data, as: UTF8.self))
        case .dates:
            _ = try AcquisitionRange(String(decoding: data, as: UTF8.self))
        }
    }

    static let chosen: FuzzTarget = {
        let name = ProcessInfo.processInfo.environment["TILESCOUT_FUZZ_TARGET"] ?? ""
        guard let target = FuzzTarget(rawValue: name) else {
            fatalError("TILESCOUT_FUZZ_TARGET is one of \(allCases.map(\.rawValue).joined(separator: ", ")), not “\(name)”")
        }
        return target
    }()
}

/// libFuzzer's driver: it makes the inputs and calls back with each (https://llvm.org/docs/LibFuzzer.html#using-libfuzzer-as-a-library).
@_silgen_name("LLVMFuzzerRunDriver")
func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

@main enum ParserFuzzing {
    static func main() {
        var count = CommandLine.argc, arguments = CommandLine.unsafeArgv
        exit(
            runDriver(&count, &arguments) { bytes, count in
                // An error is an answer; only a trap, a hang or a sanitizer's finding is a fault.
                try? FuzzTarget.chosen.read(Data(bytes: bytes, count: count))
                return 0
            })
    }
}
