import ArgumentParser
import Foundation
import PostgreSQL
import TileStore

/// Which database: shared by every command that needs one.
struct DatabaseArguments: ParsableArguments {
    @Option(help: ArgumentHelp(
        "Connection string or URL of a server. Without it $TILESCOUT_DATABASE, the PG* variables, or a private cluster.",
        valueName: "url"))
    var database: String?

    func location() throws -> DatabaseLocation {
        try DatabaseLocation.standard(explicit: database)
    }

    /// A store whose schema is this version's; made or brought up to date first.
    func migratedStore() throws -> TileStore {
        let store = try TileStore(location())
        for warning in try store.migrate().warnings { Terminal.warn(warning) }
        return store
    }

    /// A store to read from: never changes the schema.
    func store() throws -> TileStore {
        let store = try TileStore(location())
        for warning in try store.ensureCompatible() { Terminal.warn(warning) }
        return store
    }
}
