import Foundation
import Synchronization

/// A server that lets everybody in, warns that it is about to die, and hangs up: what sessions meet that begin while PostgreSQL is shut down at once.
final class DyingServer: Sendable {
    static let port = 5432
    private let listener: Int32
    private let greetings = Mutex(0)

    struct Failed: Error { var errno: Int32 }

    /// Listens in the folder, as PostgreSQL does in `unix_socket_directories`.
    init(in folder: URL) throws {
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: folder.appendingPathComponent(".s.PGSQL.\(Self.port)").path.utf8) }
        let bound = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        guard bound == 0, listen(listener, 8) == 0 else { throw Failed(errno: errno) }
        Thread.detachNewThread { [self] in
            while case let client = accept(listener, nil, nil), client >= 0 { greet(client) }
        }
    }

    /// Ends ``accept(_:_:_:)``, too.
    func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    /// How many have been let in.
    var greeted: Int { greetings.withLock { $0 } }

    private func greet(_ client: Int32) {
        defer { close(client) }
        var startup = [UInt8](repeating: 0, count: 4_096)
        guard recv(client, &startup, startup.count, 0) > 0 else { return }
        let authenticationOk: [UInt8] = Array("R".utf8) + [0, 0, 0, 8, 0, 0, 0, 0]
        let fields: [UInt8] = ["SWARNING", "VWARNING", "C57P01", "Mterminating connection due to immediate shutdown command"].flatMap { Array($0.utf8) + [0] } + [0]
        let notice: [UInt8] = Array("N".utf8) + [0, 0, 0, UInt8(4 + fields.count)] + fields
        let answer = authenticationOk + notice
        if send(client, answer, answer.count, Int32(MSG_NOSIGNAL)) == answer.count { greetings.withLock { $0 += 1 } }
    }
}
