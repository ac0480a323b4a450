import Foundation
import Training

/// Shows a training: a line that is redrawn on a terminal, a line for each epoch elsewhere.
final class TrainingDisplay {
    private let quiet: Bool
    private let started = Date()
    private var first: Int?
    private var epoch: (number: Int, loss: Double, steps: Int)?

    init(quiet: Bool) { self.quiet = quiet }

    func show(_ step: TrainingStep) {
        guard !quiet else { return }
        let first = self.first ?? step.step
        self.first = first
        if let epoch, epoch.number == step.epoch {
            self.epoch = (epoch.number, epoch.loss + step.loss, epoch.steps + 1)
        } else {
            logEpoch()
            epoch = (step.epoch, step.loss, 1)
        }
        guard Terminal.isInteractive else { return }
        let elapsed = Date().timeIntervalSince(started), done = Double(step.step - first + 1)
        let remaining = elapsed / done * Double(step.of - step.step - 1)
        let line = String(
            format: "training  epoch %d  step %d of %d  loss %.4f  %.1f images/s  %@ to go", step.epoch + 1, step.step + 1, step.of,
            step.loss, done * Double(step.images) / elapsed, Quantity.duration(remaining))
        Terminal.writeError("\r" + String(line.prefix(Terminal.columns - 1)) + "\u{1b}[K")
    }

    func finish() {
        logEpoch()
        if !quiet, Terminal.isInteractive { Terminal.writeError("\r\u{1b}[K") }
    }

    private func logEpoch() {
        guard !quiet, let epoch, !Terminal.isInteractive else { return }
        Terminal.writeError(
            String(
                format: "training: epoch %d, mean loss %.4f, after %@\n", epoch.number + 1, epoch.loss / Double(epoch.steps),
                Quantity.duration(Date().timeIntervalSince(started))))
    }
}
