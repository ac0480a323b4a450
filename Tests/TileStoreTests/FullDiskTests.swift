import Foundation
import PostgreSQL
import TestCluster
import TileStore
import Testing

/// A private cluster that went away is asked for the room on its disk; any other server's disk is not here.
@Suite struct FullDiskTests {
    /// The folder in the error of a session whose process is ended under it.
    private func folder(ofLost connection: Connection) throws -> URL? {
        try TestCluster.shared.get().cluster.connect(database: "postgres").query("SELECT pg_terminate_backend($1::int, 5000)", [connection.backendPID])
        let error = try #require(throws: PostgreSQLError.self) { try connection.query("SELECT 1") }
        #expect(error.connectionLost && error.fullDisk == nil)
        return error.serverFolder
    }

    @Test func onlyWhoConnectsToThePrivateClusterKnowsItsFolder() throws {
        let cluster = try TestCluster.shared.get().cluster
        let expected = cluster.dataRoot.appending(path: "pg")
        #expect(try folder(ofLost: cluster.connect(database: "postgres")) == expected)
        #expect(try folder(ofLost: cluster.connect(database: "postgres").opener()) == expected)
        #expect(try folder(ofLost: DatabaseLocation.server(cluster.conninfo(database: "postgres")).connect()) == nil)
    }

    /// /proc has no room for anything.
    @Test func aDiskWithoutRoomIsNamedWhereTheConnectionIsLost() {
        func error(lost: Bool, _ folder: String?) -> PostgreSQLError {
            PostgreSQLError(operation: "publish", message: "server closed the connection", connectionLost: lost, serverFolder: folder.map { URL(fileURLWithPath: $0) })
        }
        #expect(error(lost: true, "/proc").fullDisk?.hasPrefix("its disk space is used up: 0 MiB are left at /proc,") == true)
        #expect(error(lost: false, "/proc").fullDisk == nil)
        #expect(error(lost: true, nil).fullDisk == nil)
    }
}
