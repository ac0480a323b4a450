import Foundation

/// The private server's tilescout.conf: sized to the machine, written anew at each start. A `local.conf` beside it wins.
struct ServerSettings {
    let socketFolder: URL
    let memory: Int
    let cores: Int
    /// Size of /dev/shm, where parallel index builds put their graph; containers often have 64 MiB.
    let sharedMemoryDevice: Int

    init(socketFolder: URL) {
        self.socketFolder = socketFolder
        memory = Self.availableMemory()
        cores = ProcessInfo.processInfo.activeProcessorCount
        sharedMemoryDevice = Self.size(of: "/dev/shm")
    }

    private static let mebibyte = 1 << 20

    var text: String {
        let shared = min(max(memory / 4, 128 << 20), 8 << 30) / Self.mebibyte
        let maintenance = min(max(memory / 8, 64 << 20), 4 << 30) / Self.mebibyte
        let roomForParallelBuilds = sharedMemoryDevice > (maintenance + 128) * Self.mebibyte
        return """
            # Written by tilescout at every start: change local.conf beside it instead.
            listen_addresses = ''                      # Unix socket only
            unix_socket_directories = '\(socketFolder.path.replacing("'", with: "''"))'
            unix_socket_permissions = 0700
            max_connections = 50
            shared_buffers = \(shared)MB                 # a quarter of the memory: vectors are read again and again
            effective_cache_size = \(memory / 2 / Self.mebibyte)MB
            maintenance_work_mem = \(maintenance)MB           # sorting by look, or an HNSW graph, is done several times faster where it fits
            work_mem = 32MB
            max_parallel_maintenance_workers = \(max(cores - 1, 1))
            max_parallel_workers = \(cores)
            max_parallel_workers_per_gather = \(max(cores / 2, 1))
            dynamic_shared_memory_type = \(roomForParallelBuilds ? "posix" : "mmap")
            jit = off                                  # compiles for longer than our searches run
            random_page_cost = 1.1                     # SSD or cached
            effective_io_concurrency = 200
            wal_level = minimal                        # no replicas
            max_wal_senders = 0
            max_wal_size = 4GB                         # fewer checkpoints while loading
            min_wal_size = 256MB
            checkpoint_timeout = 15min
            wal_compression = lz4
            autovacuum_naptime = 30s
            logging_collector = on
            log_directory = '../log'
            log_filename = 'postgresql-%a.log'         # a week of logs
            log_truncate_on_rotation = on
            log_rotation_age = 1d
            log_rotation_size = 0
            log_line_prefix = '%m [%p] %a '
            log_timezone = 'UTC'
            timezone = 'UTC'

            """
    }

    /// The machine's memory, or the control group's limit where that is less.
    private static func availableMemory() -> Int {
        let physical = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"].compactMap { path in
            (try? String(contentsOfFile: path, encoding: .utf8)).flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        }
        return ([physical] + limits.filter { $0 > 0 }).min() ?? physical
    }

    private static func size(of path: String) -> Int {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return 0 }
        return Int(status.f_blocks) * Int(status.f_frsize)
    }
}
