import CLibPQ

/// A libpq connection string: `key=value` pairs, a `postgresql://` URL, `service=name`, or empty for the PG* variables alone.
///
/// The text may hold a password, so it is not `CustomStringConvertible`: print ``redacted`` instead.
public struct Conninfo: Hashable, Sendable {
    /// The text as libpq takes it, secrets included.
    public let text: String
    /// Keywords set in the text itself, password excluded, in libpq's order.
    public let settings: [Setting]
    private let password: String?

    public struct Setting: Hashable, Sendable {
        public let keyword: String
        public let value: String
    }

    /// Throws ``PostgreSQLError`` when libpq cannot read the text. The message names the fault but never the text, since a
    /// mistyped URL would otherwise show its password.
    public init(_ text: String) throws {
        var settings: [Setting] = []
        var password: String?
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(text, &message) else {
            PQfreemem(message)
            throw PostgreSQLError(
                operation: "read the connection string",
                message: "it is neither key=value pairs nor a postgresql:// URL that libpq understands",
                hint: "write it as \"host=db.example dbname=tiles user=me\", postgresql://me@db.example/tiles or service=name")
        }
        defer { PQconninfoFree(options) }
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val {
                let name = String(cString: keyword)
                if name == "password" || name == "sslpassword" {
                    password = String(cString: value)
                } else {
                    settings.append(Setting(keyword: name, value: String(cString: value)))
                }
            }
            option += 1
        }
        self.text = text
        self.settings = settings
        self.password = password
    }

    /// Quotes `settings` as a `key=value` string (libpq manual, 34.1.1.1).
    public init(settings: [(keyword: String, value: String)]) throws {
        let quoted = settings.map { keyword, value in
            var escaped = ""
            for character in value {
                if character == "'" || character == "\\" { escaped.append("\\") }
                escaped.append(character)
            }
            return "\(keyword)='\(escaped)'"
        }
        try self.init(quoted.joined(separator: " "))
    }

    public subscript(keyword: String) -> String? { settings.first { $0.keyword == keyword }?.value }

    /// `key=value` pairs that are safe to print.
    public var redacted: String {
        let shown = settings.map { setting in
            let plain = setting.value.allSatisfy { !$0.isWhitespace && $0 != "'" && $0 != "\\" } && !setting.value.isEmpty
            return plain ? "\(setting.keyword)=\(setting.value)" : "\(setting.keyword)='\(setting.value)'"
        }
        return (shown + (password == nil ? [] : ["password=****"])).joined(separator: " ")
    }

    /// `message` with every occurrence of the password blanked.
    func redacted(_ message: String) -> String {
        guard let password, !password.isEmpty else { return message }
        return message.split(separator: password, omittingEmptySubsequences: false).joined(separator: "****")
    }

    /// Whether a server answers there, without logging in.
    public func ping() -> ServerStatus {
        switch PQping(text) {
        case PQPING_OK: .accepting
        case PQPING_REJECT: .rejecting
        default: .noAnswer
        }
    }

    public enum ServerStatus: Hashable, Sendable {
        case accepting
        /// Up, but starting, stopping or recovering.
        case rejecting
        case noAnswer
    }
}
