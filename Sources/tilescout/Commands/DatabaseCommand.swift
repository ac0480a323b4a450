import ArgumentParser
import Foundation
import TileStore

struct DatabaseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "db",
        abstract: "The database: start, stop, status, url, migrate.",
        subcommands: [Start.self, Stop.self, Status.self, Address.self, Migrate.self])

    struct Start: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Starts the private cluster; makes it on first use.")

        func run() throws {
            let cluster = try PrivateCluster()
            try cluster.start()
            try Terminal.write("running: \(try cluster.conninfo().text)")
        }
    }

    struct Stop: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Stops the private cluster.")

        func run() throws {
            let cluster = try PrivateCluster()
            try cluster.stop()
            try Terminal.write("stopped")
        }
    }

    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says which database is used, and whether it runs.",
            discussion: "Exit status 69 where it does not run or cannot be reached.")

        @OptionGroup var database: DatabaseArguments

        func run() throws {
            switch try database.location() {
            case .privateCluster(let dataRoot):
                switch try PrivateCluster(dataRoot: dataRoot).status() {
                case .absent:
                    try Terminal.write("private cluster under \(dataRoot.path): not made yet")
                    throw ExitStatus.unavailable
                case .stopped:
                    try Terminal.write("private cluster under \(dataRoot.path): stopped")
                    throw ExitStatus.unavailable
                case .running(let processID):
                    try Terminal.write("private cluster under \(dataRoot.path): running, process \(processID)")
                }
            case .server(let conninfo):
                let connection = try database.location().connect()
                try Terminal.write("server \(conninfo.redacted): running, PostgreSQL \(connection.serverVersion / 10_000).\(connection.serverVersion % 10_000)")
            }
        }
    }

    struct Address: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "url", abstract: "Prints what psql takes to connect.")

        @OptionGroup var database: DatabaseArguments

        func run() throws {
            switch try database.location() {
            case .privateCluster(let dataRoot):
                let cluster = try PrivateCluster(dataRoot: dataRoot)
                try cluster.start()
                try Terminal.write(cluster.conninfo().text)
            case .server(let conninfo):
                try Terminal.write(conninfo.text)
            }
        }
    }

    struct Migrate: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Brings the schema to this version, and takes the extension tilescout_packs into use where the server has it.")

        @OptionGroup var database: DatabaseArguments

        func run() throws {
            let migrator = try Migrator(connection: database.location().connect())
            let report = try migrator.migrate()
            try migrator.settlePacks()
            for warning in report.warnings { Terminal.warn(warning) }
            try Terminal.write(report.applied.isEmpty
                ? "schema version \(report.version): nothing to do"
                : "schema version \(report.version): applied \(report.applied.joined(separator: ", "))")
        }
    }
}
