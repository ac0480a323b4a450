import Foundation

/// Where tilescout keeps what is its own: the private cluster, models.
public enum DataRoot {
    /// `$TILESCOUT_DATA`; else `/var/lib/tilescout` as root, because the server runs as another user, who could not enter
    /// root's home; else `$XDG_DATA_HOME/tilescout` or `~/.local/share/tilescout`.
    public static func standard(
        environment: [String: String] = ProcessInfo.processInfo.environment, userID: UInt32 = geteuid()
    ) -> URL {
        if let root = environment["TILESCOUT_DATA"], !root.isEmpty { return URL(fileURLWithPath: root).standardizedFileURL }
        if userID == 0 { return URL(fileURLWithPath: "/var/lib/tilescout") }
        if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") { return URL(fileURLWithPath: data).appending(path: "tilescout") }
        return FileManager.default.homeDirectoryForCurrentUser.appending(path: ".local/share/tilescout")
    }
}
