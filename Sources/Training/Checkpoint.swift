import Foundation
import Kernels
import MetricLearning
import NeuralNetwork
import Tiling

/// All that a training needs to go on as if it had never stopped, after a whole epoch.
struct Checkpoint {
    var epochs: Int
    var parameters: [String: [Float]]
    var optimizer: Optimizer
    /// One row per class; rounded to float32 in memory as well, so that a continued run ranks as one that never stopped.
    var centroids: ClassCentroids

    /// What the file must agree with.
    struct Identity: Hashable {
        let options: String
        let backbone: String
        let dataset: String
    }

    func write(to path: String, _ identity: Identity) throws {
        var tensors: [String: SafeTensors.Content] = [:]
        for (name, values) in parameters { tensors["p:\(name)"] = .init(shape: [values.count], values: values) }
        for (name, values) in optimizer.first { tensors["m:\(name)"] = .init(shape: [values.count], values: values) }
        for (name, values) in optimizer.second { tensors["v:\(name)"] = .init(shape: [values.count], values: values) }
        let rows = centroids.centroids
        tensors["centroids"] = .init(shape: [rows.rows, rows.columns], values: rows.elements.map { Float($0) })
        tensors["counts"] = .init(shape: [rows.rows], values: centroids.counts.map { Float($0) })
        tensors["labels"] = .init(shape: [rows.rows], values: centroids.labels.map { Float($0) })
        let metadata = [
            "format": "tilescout-checkpoint-1", "epochs": "\(epochs)", "steps": "\(optimizer.steps)",
            "options": identity.options, "backbone": identity.backbone, "dataset": identity.dataset,
        ]
        do {
            // Flushed to the disk before it takes the place of the last one: there is always a whole one.
            try SafeTensors.write(tensors, metadata: metadata, to: path)
        } catch let error as ModelFileError {
            throw TrainingError(operation: "write", subject: path, reason: error.reason, code: .output)
        }
    }

    /// - Throws: `TrainingError` where the checkpoint is damaged, or of another training.
    init(contentsOf path: String, _ identity: Identity, kind: OptimizerKind) throws {
        func refuse(_ reason: String) -> TrainingError {
            TrainingError(operation: "continue from checkpoint", subject: path, reason: reason, code: .input)
        }
        let file: SafeTensors
        do {
            file = try SafeTensors(data: Data(contentsOf: URL(fileURLWithPath: path)), path: path)
        } catch {
            throw refuse("\(error); remove it to begin anew")
        }
        let metadata = file.metadata
        for (key, wanted) in [("options", identity.options), ("backbone", identity.backbone), ("dataset", identity.dataset)] {
            guard metadata[key] == wanted else {
                throw refuse("it is of a training with other \(key); remove it to begin anew")
            }
        }
        guard let epochs = metadata["epochs"].flatMap({ Int($0) }), let steps = metadata["steps"].flatMap({ Int($0) }) else {
            throw refuse("its metadata are incomplete; remove it to begin anew")
        }
        func all(_ prefix: String) throws -> [String: [Float]] {
            var found: [String: [Float]] = [:]
            for (name, entry) in file.entries where name.hasPrefix(prefix) {
                found[String(name.dropFirst(prefix.count))] = try file.values(name, shape: entry.shape)
            }
            return found
        }
        self.epochs = epochs
        parameters = try all("p:")
        optimizer = Optimizer(kind)
        optimizer.steps = steps
        optimizer.first = try all("m:")
        optimizer.second = try all("v:")
        guard let shape = file.entries["centroids"]?.shape, shape.count == 2 else { throw refuse("it lacks the centroids") }
        centroids = ClassCentroids(
            labels: try file.values("labels", shape: [shape[0]]).map { Int($0) },
            counts: try file.values("counts", shape: [shape[0]]).map { Int($0) },
            centroids: Matrix(
                rows: shape[0], columns: shape[1], elements: try file.values("centroids", shape: shape).map { Double($0) }))
    }

    init(epochs: Int, parameters: [String: [Float]], optimizer: Optimizer, centroids: ClassCentroids) {
        self.epochs = epochs
        self.parameters = parameters
        self.optimizer = optimizer
        self.centroids = centroids
    }
}

extension ClassCentroids {
    /// The same with centroids as float32 holds them.
    func roundedToFloat() -> ClassCentroids {
        ClassCentroids(
            labels: labels, counts: counts,
            centroids: Matrix(
                rows: centroids.rows, columns: centroids.columns, elements: centroids.elements.map { Double(Float($0)) }))
    }
}

extension ImageDataset {
    /// Of names, classes and order; the images' bytes are not read for it.
    var digest: String {
        let text = classes.joined(separator: "\n") + "\n\n" + items.map { "\($0.path)\t\($0.label)" }.joined(separator: "\n")
        return SceneFingerprint.digest(text: text)
    }
}
