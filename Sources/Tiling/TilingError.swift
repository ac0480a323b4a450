import GDAL
import TileGrid

/// Why a scene, a tile or an option was refused.
public struct TilingError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// An option outside its range, or text that does not parse.
        case invalidOption
        /// The file is missing, a directory, or not readable.
        case unreadable
        /// Not a raster that GDAL knows, or one so damaged that it does not open.
        case notARaster
        /// No coordinate system, or nothing that says where the pixels lie in it.
        case notGeoreferenced
        /// More pixels, or larger blocks, than the limits allow.
        case tooLarge
        /// A raster that GDAL opens and this project does not cut (complex samples, no bands).
        case unsupported
        /// A block that cannot be decoded: truncated or corrupt data.
        case damaged
        /// A scene, or a file that it refers to, outside the folders that a run is confined to.
        case outside
        /// A tile file that could not be written.
        case notWritten
    }

    public let operation: String
    public let thing: String
    public let reason: String
    public let code: Code

    public init(operation: String, thing: String, reason: String, code: Code) {
        self.operation = operation
        self.thing = thing
        self.reason = reason
        self.code = code
    }

    /// The same sentence that GDAL's error makes, under a code of this module.
    init(_ error: GDALError, code: Code) {
        let suffix = error.code == 0 ? "" : " (GDAL \(error.code))"
        self.init(operation: error.operation, thing: error.thing, reason: error.reason + suffix, code: code)
    }

    public var description: String { "cannot \(operation) \(thing): \(reason)" }
}

/// Runs a call of the GDAL layer and gives its error a code of this module.
func raster<Result>(_ code: TilingError.Code, _ body: () throws -> Result) throws -> Result {
    do {
        return try body()
    } catch let error as GDALError {
        throw TilingError(error, code: code)
    }
}
