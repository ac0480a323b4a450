import ArgumentParser
import ContactSheet
import Embedding
import Foundation
import Ingest
import Kernels
import NeuralNetwork
import Pipeline
import PostgreSQL
import Retrieval
import TileGrid
import TileStore
import Tiling
import MetricLearning
import Training

/// An error as the command line reports it: one sentence and an exit status.
struct Failure: Error {
    let message: String
    let status: ExitCode

    init(_ message: String, _ status: ExitCode) {
        self.message = message
        self.status = status
    }

    /// nil for swift-argument-parser's own errors, which it prints itself.
    init?(_ error: any Error) {
        switch error {
        case let error as PostgreSQLError:
            if let full = error.fullDisk {
                self.init("\(error); \(full)", ExitStatus.cannotWrite)
            } else {
                self.init("\(error)", Self.status(of: error))
            }
        case let error as TilingError: self.init("\(error)", Self.status(of: error))
        case let error as IngestError: self.init("\(error)", Self.status(of: error))
        case is TileGridError, is AreaOfInterestError, is LabelledPlaceError, is AcquisitionRangeError, is ModelFileError: self.init("\(error)", ExitStatus.badData)
        case let error as RetrievalError: self.init("\(error)", ExitStatus.noInput)
        case is ContactSheetError: self.init("\(error)", ExitStatus.cannotWrite)
        case is EncoderError, is KernelError: self.init("\(error)", ExitStatus.software)
        case is MetricLearningError: self.init("\(error)", ExitStatus.badData)
        case let error as TrainingError: self.init("\(error)", Self.status(of: error))
        case is PipelineFileError: self.init("\(error)", ExitStatus.badData)
        case let error as PipelineError: self.init("\(error)", Self.status(of: error))
        case let error as StoreError: self.init("\(error)", Self.status(of: error))
        default: return nil
        }
    }

    private static func status(of error: PostgreSQLError) -> ExitCode {
        if error.connectionLost { return ExitStatus.unavailable }
        switch error.sqlstate {
        case PostgreSQLError.State.noDataFound: return ExitStatus.noInput
        case PostgreSQLError.State.objectInUse: return ExitStatus.locked
        // A run in the wrong state, a name that is another's: the same once more changes nothing.
        case PostgreSQLError.State.objectNotInPrerequisiteState, PostgreSQLError.State.uniqueViolation: return ExitStatus.badData
        case PostgreSQLError.State.insufficientPrivilege: return ExitStatus.incompatible
        default: break
        }
        switch error.sqlstate?.prefix(2) {
        case "22": return ExitStatus.badData
        case "53": return ExitStatus.cannotWrite
        case nil, "08", "57", "55": return ExitStatus.unavailable
        default: return ExitStatus.software
        }
    }

    private static func status(of error: TrainingError) -> ExitCode {
        switch error.code {
        case .input: ExitStatus.badData
        case .missing: ExitStatus.noInput
        case .output: ExitStatus.cannotWrite
        case .diverged: ExitStatus.software
        }
    }

    private static func status(of error: StoreError) -> ExitCode {
        switch error.code {
        case .missingSoftware, .incompatibleSchema: ExitStatus.incompatible
        case .cluster, .notMigrated: ExitStatus.unavailable
        case .invalidRequest: ExitStatus.badData
        }
    }

    private static func status(of error: TilingError) -> ExitCode {
        switch error.code {
        case .invalidOption: .init(64)
        case .unreadable: ExitStatus.noInput
        case .notWritten: ExitStatus.cannotWrite
        default: ExitStatus.badData
        }
    }

    private static func status(of error: PipelineError) -> ExitCode {
        switch error.code {
        case .locked: ExitStatus.locked
        case .refused: ExitStatus.refused
        case .input: ExitStatus.noInput
        // A worker that gave up has said why by its status: a full disk, a server that went away.
        case .worker: error.workerStatus.map { ExitCode($0) } ?? ExitStatus.software
        }
    }

    private static func status(of error: IngestError) -> ExitCode {
        switch error.code {
        case .input: ExitStatus.noInput
        case .output: ExitStatus.cannotWrite
        case .model: ExitStatus.incompatible
        }
    }
}
