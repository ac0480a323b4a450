import Foundation
import TileStore
import Tiling

/// What the scenes of a run may be, and where.
public enum RunConfinement {
    /// Leaves a worker process only the formats that a confined run opens; before it opens anything.
    public static func restrictProcess(runID: Int, store: TileStore) throws {
        guard let run = try store.runningRun(runID) else { return }
        let order = try JSONDecoder().decode(RunOrder.self, from: Data(run.request.options.utf8))
        if !Confinement(roots: order.roots).isFree { Confinement.restrictProcess() }
    }

    /// The folders that the pipelines which filled a collection were confined to.
    static func roots(collection: String, store: TileStore) throws -> [String] {
        let orders = try store.runs(limit: 100_000).filter { $0.collection == collection && $0.kind == RunRequest.Kind.ingest.rawValue }
            // One begun by hand has no such order.
            .compactMap { try? JSONDecoder().decode(RunOrder.self, from: Data($0.options.utf8)) }
        return Set(orders.flatMap(\.roots)).sorted()
    }

    /// Files by the folders that reading them again is confined to: those of a collection's pipelines, and anywhere for what
    /// somebody ingested by hand from elsewhere.
    static func groups<File>(_ files: [File], path: (File) -> String, roots: [String]) -> [(roots: [String], files: [File])] {
        func isUnder(_ path: String) -> Bool { roots.contains { path == $0 || path.hasPrefix($0 == "/" ? $0 : $0 + "/") } }
        return [(roots, files.filter { isUnder(path($0)) }), ([Confinement.anywhere], files.filter { !isUnder(path($0)) })].filter { !$0.1.isEmpty }
    }
}
