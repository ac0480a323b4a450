import Foundation

/// The operating system user that runs the private server: PostgreSQL refuses to run as root.
struct ServerUser: Hashable {
    let name: String
    let userID: uid_t
    let groupID: gid_t
    /// Whether we have to change to it.
    let isOther: Bool

    /// As root `tilescout` where such a user exists, else `postgres`, which Debian's package makes; otherwise ourselves.
    static func current() throws -> ServerUser {
        guard geteuid() == 0 else {
            guard let me = lookUp(uid: geteuid()) else {
                throw StoreError(
                    operation: "run", thing: "a private PostgreSQL cluster", reason: "user \(geteuid()) has no name in /etc/passwd",
                    code: .cluster, hint: "add the user, or point PGHOST at a server")
            }
            return me
        }
        for name in ["tilescout", "postgres"] {
            if let user = getpwnam(name)?.pointee, user.pw_uid != 0 {
                return ServerUser(name: name, userID: user.pw_uid, groupID: user.pw_gid, isOther: true)
            }
        }
        throw StoreError(
            operation: "run", thing: "a private PostgreSQL cluster", reason: "PostgreSQL does not run as root, and there is no user tilescout or postgres",
            code: .cluster, hint: "apt-get install postgresql-15, or: useradd --system tilescout")
    }

    private static func lookUp(uid: uid_t) -> ServerUser? {
        guard let user = getpwuid(uid)?.pointee else { return nil }
        return ServerUser(name: String(cString: user.pw_name), userID: uid, groupID: user.pw_gid, isOther: false)
    }

    /// The name of the user that we are ourselves, as the server's peer authentication sees us.
    static func callerName() -> String? { lookUp(uid: geteuid())?.name }

    /// `command` as this user.
    func wrap(_ command: [String]) -> [String] {
        isOther ? ["setpriv", "--reuid=\(userID)", "--regid=\(groupID)", "--init-groups", "--"] + command : command
    }
}
