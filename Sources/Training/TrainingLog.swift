import Foundation

/// A CSV file with a row for each step, to be plotted: step, epoch, loss, gradient length, learning rate, images per second.
public final class TrainingLog {
    private let handle: FileHandle
    private let path: String

    /// - Parameter keepsRows: whether the rows of a run that this one continues stay; steps that are done again come twice,
    ///   the later row being the one that counts.
    /// - Throws: `TrainingError` where the file cannot be written.
    public init(path: String, keepsRows: Bool) throws {
        self.path = path
        let files = FileManager.default
        if !keepsRows || !files.fileExists(atPath: path) {
            _ = files.createFile(atPath: path, contents: Data("step,epoch,loss,gradient_length,learning_rate,images_per_second\n".utf8))
        }
        guard let handle = FileHandle(forWritingAtPath: path) else {
            throw TrainingError(
                operation: "write", subject: path, reason: "the folder does not exist or is not writable", code: .output)
        }
        self.handle = handle
        handle.seekToEndOfFile()
    }

    deinit { try? handle.close() }

    /// - Throws: `TrainingError` on a full disk.
    public func append(_ step: TrainingStep) throws {
        let row = String(
            format: "%d,%d,%.6g,%.6g,%.6g,%.2f\n", step.step, step.epoch, step.loss, step.gradientLength, step.learningRate,
            Double(step.images) / step.seconds)
        do {
            try handle.write(contentsOf: Data(row.utf8))
        } catch {
            throw TrainingError(
                operation: "write", subject: path, reason: (error as NSError).localizedDescription, code: .output)
        }
    }
}
