import Foundation
import TileGrid
import TileStore
import Tiling

/// Writes a run's report: JSON, an HTML page that needs nothing else, and the text file for Prometheus.
struct ReportWriter {
    let report: NightlyReport
    let places: PipelineDefinition.Report
    /// nil where the run failed before it reached the database.
    let store: TileStore?
    /// Scenes are read for their pictures only from the configured folders.
    let confinement: Confinement

    /// Outlines on the map: more only make one blot.
    private static let mostFootprints = 2000
    private static let tilesShown = 8
    /// Tiles looked at for those: some are of one colour, and say nothing.
    private static let tilesTried = 32
    /// Grey levels between the darkest and the brightest green of a picture that is worth showing.
    private static let leastContrast = 24

    struct Outcome {
        var files: [String] = []
        /// The HTML page, where there is one.
        var page: String?
        /// What could not be written, and why.
        var problems: [String] = []
    }

    /// Writes what can be written: a folder that is full or gone does not keep the collector's figures back, nor a database that went away
    /// the counts.
    func write() -> Outcome {
        var outcome = Outcome()
        func put(_ path: String, _ content: () throws -> Data) -> Bool {
            do {
                try self.put(content(), path)
                outcome.files.append(path)
                return true
            } catch {
                outcome.problems.append(error is PipelineError ? "\(error)" : "cannot write \(path): \((error as NSError).localizedDescription)")
                return false
            }
        }
        if let folder = places.folder {
            // Where it cannot be made, writing into it says why.
            try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let stem = folder + "/\(report.pipeline)-\(report.run > 0 ? "\(report.run)" : "failed")"
            if put(stem + ".json", report.json) {
                let map = FootprintMap((try? store?.footprints(runID: report.run, most: Self.mostFootprints).map(\.geoJSON)) ?? [])
                let page = HTMLReport(report: report, map: map.svg, tiles: (try? pictures()) ?? [])
                if put(stem + ".html", { Data(page.text.utf8) }) { outcome.page = stem + ".html" }
            }
        }
        if let prometheus = places.prometheus { _ = put(prometheus) { Data(PrometheusText(report: report).text.utf8) } }
        return outcome
    }

    /// Whole or not at all: a collector may read at any moment.
    private func put(_ data: Data, _ path: String) throws {
        let partial = "\(path).\(ProcessInfo.processInfo.processIdentifier).part"
        do {
            try data.write(to: URL(fileURLWithPath: partial))
        } catch {
            unlink(partial)
            throw error
        }
        guard rename(partial, path) == 0 else {
            let reason = String(cString: strerror(errno))
            unlink(partial)
            throw PipelineError(.input, "write \(path)", reason: reason)
        }
    }

    private static func hasStructure(_ image: TileImage) -> Bool {
        let greens = stride(from: 1, to: image.pixels.count, by: 3).lazy.map { Int(image.pixels[$0]) }
        return (greens.max() ?? 0) - (greens.min() ?? 0) >= leastContrast
    }

    /// A few tiles as PNGs; one that cannot be read any more is left out, and so is one without structure.
    private func pictures() throws -> [HTMLReport.Tile] {
        guard let store, report.run > 0 else { return [] }
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("tilescout-report-\(UUID().uuidString).png").path
        defer { unlink(scratch) }
        let pictures = try store.sampleTiles(runID: report.run, most: Self.tilesTried).lazy.compactMap { tile -> HTMLReport.Tile? in
            guard let options = try? JSONDecoder().decode(TilingOptions.self, from: Data(tile.tiling.utf8)),
                let stretch = try? JSONDecoder().decode(ResolvedStretch.self, from: Data(tile.stretch.utf8)),
                let image = try? readTileImage(
                    path: tile.scenePath, window: tile.window, options: options, stretch: stretch, limits: TilingLimits(confinement: confinement)),
                Self.hasStructure(image),
                (try? image.write(to: scratch)) != nil, let png = FileManager.default.contents(atPath: scratch)
            else { return nil }
            return HTMLReport.Tile(caption: "\((tile.scenePath as NSString).lastPathComponent) · \(tile.window.x), \(tile.window.y)", png: png)
        }
        return Array(pictures.prefix(Self.tilesShown))
    }
}
