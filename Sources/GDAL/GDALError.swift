import CGDAL

/// What GDAL, PROJ or this layer refused: the operation, the thing it was done to, and why.
public struct GDALError: Error, Hashable, Sendable, CustomStringConvertible {
    public let operation: String
    public let thing: String
    public let reason: String
    /// GDAL's CPLE_ number (1 application-defined, 2 out of memory, 3 file I/O, 4 open failed, …); 0: found before GDAL was asked.
    public let code: Int

    public init(operation: String, thing: String, reason: String, code: Int = 0) {
        self.operation = operation
        self.thing = thing
        self.reason = reason
        self.code = code
    }

    public var description: String {
        let suffix = code == 0 ? "" : " (GDAL \(code))"
        return "cannot \(operation) \(thing): \(reason)\(suffix)"
    }

    /// The error that the last GDAL call on this thread left behind. GDAL keeps one per thread
    /// (cpl_error.h), so this is read in the same function as the call, with nothing awaited between.
    static func last(_ operation: String, _ thing: String, otherwise: String = "GDAL gives no reason") -> GDALError {
        let message = CPLGetLastErrorMsg().map { String(cString: $0) } ?? ""
        return GDALError(
            operation: operation, thing: thing, reason: message.isEmpty ? otherwise : concise(message, thing),
            code: Int(CPLGetLastErrorNo()))
    }

    init(_ failure: FirstFailure, _ operation: String, _ thing: String) {
        self.init(operation: operation, thing: thing, reason: Self.concise(failure.message, thing), code: failure.code)
    }

    /// GDAL's messages often begin with the path, sometimes twice; the description has said it already.
    private static func concise(_ message: String, _ thing: String) -> String {
        var text = Substring(message)
        for prefix in ["\(thing): ", "\(thing):", "\(thing), ", "`\(thing)' ", "'\(thing)' "] {
            while text.hasPrefix(prefix), text.count > prefix.count { text = text.dropFirst(prefix.count) }
        }
        return String(text)
    }
}
