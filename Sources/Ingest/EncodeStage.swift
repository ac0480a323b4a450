import Embedding
import Foundation

/// Turns tiles into embeddings, a batch at a time.
struct EncodeStage {
    let job: IngestJob

    func run() throws {
        let encoder = try Encoder(model: job.options.model, precision: job.options.precision, threads: 1)
        // A batch never waits for its last tile longer than it would take to run.
        var patience: TimeInterval = 0
        while true {
            let batch = try job.cutTiles.receiveBatch(limit: job.batch, patience: patience)
            if batch.isEmpty { return }
            let started = Date()
            let embeddings = try job.clock.measure("encode") { try encoder.embed(batch.map(\.tile.image)) }
            patience = Date().timeIntervalSince(started)
            job.report.withLock { $0.tilesEncoded += batch.count }
            try job.encoded.send(.tiles(batch.indices.map { row in
                EmbeddedTile(batch[row], embedding: Array(embeddings[row]))
            }))
        }
    }
}
