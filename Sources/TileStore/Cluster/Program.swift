import Foundation

/// Runs a program to its end and returns what it said.
///
/// By posix_spawn(3), not Foundation's `Process`: that one waits until a descriptor which the child inherits is closed, and
/// the server that `pg_ctl start` leaves behind inherits it too, so it would wait until the server stops.
enum Program {
    struct Outcome {
        let status: Int32
        let output: String
    }

    /// - Parameter command: program and arguments; the program is looked up in PATH unless it is a path.
    static func run(_ command: [String]) throws -> Outcome {
        // To a file, not a pipe, for the same reason.
        var template = Array("/tmp/tilescout-XXXXXX".utf8CString)
        let output = mkstemp(&template)
        guard output >= 0 else { throw failure("write a file under", "/tmp", errno) }
        unlink(template)
        defer { close(output) }

        var actions = posix_spawn_file_actions_t(), attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        // A server must not keep our files and sockets open. (glibc does not mind one that was closed in between.)
        for descriptor in ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []).compactMap({ Int32($0) }) where descriptor > 2 {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        // Signals that this process blocks or ignores are the server's again.
        var none = sigset_t(), all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        // Nor our folder, which its user may not be able to enter.
        let arguments = (["env", "--chdir=/"] + command).map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (arguments + variables).forEach { free($0) } }
        var child: pid_t = 0
        let spawned = posix_spawn(&child, "/usr/bin/env", &actions, &attributes, arguments, variables)
        guard spawned == 0 else { throw failure("run", command[0], spawned) }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else { throw failure("wait for", command[0], errno) }
        }
        // wait(2): the low seven bits are the signal that ended it, 0 for an exit, whose status is in the next byte.
        let signal = status & 0x7F
        return Outcome(status: signal == 0 ? (status >> 8) & 0xFF : 128 + signal, output: read(output))
    }

    private static func read(_ descriptor: Int32) -> String {
        lseek(descriptor, 0, SEEK_SET)
        let data = FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).readDataToEndOfFile()
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Ours without PG* variables, which would reach initdb and the server, in English, and with a PATH that holds setpriv under cron too.
    private static var environment: [String: String] {
        let own = ProcessInfo.processInfo.environment
        let path = (own["PATH"].map { $0 + ":" } ?? "") + "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        return own.filter { !$0.key.hasPrefix("PG") }.merging(["LC_ALL": "C.UTF-8", "PATH": path]) { $1 }
    }

    private static func failure(_ operation: String, _ thing: String, _ code: Int32) -> StoreError {
        StoreError(operation: operation, thing: thing, reason: String(cString: strerror(code)), code: .cluster)
    }
}
