/// Why a worker process ended, as its exit status tells the process that started it.
enum WorkerEnd: Int32 {
    /// A scene took longer than the limit.
    case timeLimit = 97
    /// The process took more memory than the limit.
    case memoryLimit = 98
    /// The process that started it is gone.
    case orphaned = 99
}
