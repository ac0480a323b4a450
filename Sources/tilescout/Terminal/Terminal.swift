import Foundation

/// Standard output and standard error, and what is known of the terminal behind them.
enum Terminal {
    static var isInteractive: Bool { isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb" }

    /// Columns of the terminal behind standard error; 80 where there is none.
    static var columns: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// - Throws: `Failure` where it cannot be written, on a full disk. A reader that has gone away is no error of ours.
    static func write(_ text: String, terminator: String = "\n") throws {
        do {
            try FileHandle.standardOutput.write(contentsOf: Data((text + terminator).utf8))
        } catch {
            let code = ((error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError).map { Int32($0.code) } ?? EIO
            if code == EPIPE { return }
            throw Failure("cannot write standard output: \(String(cString: strerror(code)).lowercased())", ExitStatus.cannotWrite)
        }
    }

    static func writeError(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }

    static func warn(_ text: String) {
        writeError("warning: \(text)\n")
    }

    /// Writes a value as JSON, with sorted keys, dates in ISO 8601 and paths with plain slashes.
    static func writeJSON(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        try write(String(decoding: encoder.encode(value), as: UTF8.self))
    }
}
