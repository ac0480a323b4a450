import Embedding
import Foundation
import TileGrid
import Tiling

/// The encoder stage alone: image files in, a NumPy matrix and the list of its rows' names out.
public struct EmbeddingExport {
    /// Images encoded in one call: enough for every core.
    private static let batch = 64
    /// Pixels of one call, unless a single image has more.
    private static let batchBytes = 64 << 20

    private let roots: [String]
    private let model: EncoderModel
    private let precision: EncoderPrecision
    private let output: String
    private let display: (any ProgressDisplay)?

    /// - Parameter output: path of the `.npy` file; the names go beside it, with `.ids.txt` for the extension.
    public init(
        roots: [String], model: EncoderModel, precision: EncoderPrecision, output: String, display: (any ProgressDisplay)? = nil
    ) {
        self.roots = roots
        self.model = model
        self.precision = precision
        self.output = output
        self.display = display
    }

    /// Path of the list of names: line n names row n of the matrix.
    public var idsPath: String {
        (output.hasSuffix(".npy") ? String(output.dropLast(4)) : output) + ".ids.txt"
    }

    /// - Returns: counts, in which `tilesEncoded` are the rows written.
    /// - Throws: `IngestError` where there is nothing to embed or the output cannot be written.
    public func run() throws -> IngestReport {
        let started = Date()
        let discovery = try discoverScenes(roots, takingPictures: true)
        guard !discovery.candidates.isEmpty else {
            throw IngestError(.input, "embed \(roots.joined(separator: ", "))", reason: "no image found there")
        }
        let encoder = try Encoder(model: model, precision: precision)
        let writer = try NumPyWriter(path: output, columns: encoder.dimension)
        let meter = ProgressMeter(activity: "embedding", display: display)
        defer { meter.finish() }
        meter.found(scenes: discovery.candidates.count)
        var report = IngestReport()
        report.scenesFound = discovery.candidates.count + discovery.problems.count
        report.failures = discovery.problems.map { .init(path: $0.path, stage: "discover", reason: $0.reason) }
        var names: [String] = []
        var rest = discovery.candidates.map(\.path)[...]
        while !rest.isEmpty {
            var images: [TileImage] = []
            var bytes = 0
            while images.count < Self.batch, bytes < Self.batchBytes, let path = rest.popFirst() {
                do {
                    images.append(try TileImage(contentsOf: path))
                    names.append(path)
                    bytes += images[images.count - 1].pixels.count
                    meter.opened(tiles: 1)
                } catch let error as TilingError {
                    report.failures.append(.init(path: path, stage: "read", reason: error.description))
                    meter.sceneDone(failed: true)
                }
            }
            try writer.append(encoder.embed(images).values)
            meter.did(tiles: images.count)
            for _ in images { meter.sceneDone() }
        }
        try writer.finish()
        do {
            try (names.joined(separator: "\n") + "\n").write(toFile: idsPath, atomically: true, encoding: .utf8)
        } catch {
            throw IngestError(.output, "write \(idsPath)", reason: error.localizedDescription)
        }
        report.tilesEncoded = names.count
        report.scenesIngested = names.count
        report.seconds = Date().timeIntervalSince(started)
        return report
    }
}
