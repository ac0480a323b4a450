import Foundation
import PostgreSQL
import TestCluster
import Testing

@Suite struct ConnectionTests {
    let connection: Connection

    init() throws { connection = try TestCluster.shared.get().emptyDatabase() }

    @Test func valuesMakeTheRoundTrip() throws {
        let id = UUID(), date = Date(timeIntervalSince1970: 1_234_567_890.123456)
        let row = try connection.query(
            "SELECT $1 AS i, $2 AS d, $3 AS s, $4 AS b, $5 AS u, $6 AS t, $7 AS a, $8 AS f, $9 AS x, $10::jsonb AS j, $11::text AS n, $12 AS e",
            [Int.min, -0.1, "né \u{1F30D}", true, id, date, ["a", "b,c\""], [Float](arrayLiteral: 1.5, -2), SQLBytes([0, 255, 1]), SQLLiteral("{\"a\": 1}"), nil, ""])[0]
        #expect(try row["i"] == Int.min)
        #expect(try row["d"] == -0.1)
        #expect(try row["s"] == "né \u{1F30D}")
        #expect(try row["b"] == true)
        #expect(try row["u"] == id)
        #expect(abs((try row["t"] as Date).timeIntervalSince(date)) < 1e-6)
        #expect(try row["a"] == ["a", "b,c\""])
        #expect(try row["f"] == [Float](arrayLiteral: 1.5, -2))
        #expect(try row["x"] == SQLBytes([0, 255, 1]))
        #expect(try row["j"] == "{\"a\": 1}")
        #expect(try row["n"] == String?.none)
        #expect(try row["e"] == "")
    }

    @Test func aWrongTypeOrNullIsRefusedByName() throws {
        let row = try connection.query("SELECT 'x'::text AS a, NULL::int AS b")[0]
        #expect(throws: PostgreSQLError.self) { let _: Int = try row["a"] }
        #expect(throws: PostgreSQLError.self) { let _: Int = try row["b"] }
        #expect(throws: PostgreSQLError.self) { let _: Int = try row["c"] }
    }

    @Test func textOfTheCallersIsAValueAndNeverSQL() throws {
        let text = "'; DROP TABLE t; --"
        try connection.execute(script: "CREATE TABLE t (v text)")
        try connection.query("INSERT INTO t VALUES ($1)", [text])
        #expect(try connection.query("SELECT v FROM t")[0]["v"] == text)
    }

    @Test func errorsCarryTheServersCodeAndOurOperation() throws {
        let error = #expect(throws: PostgreSQLError.self) { try connection.query("SELECT * FROM nowhere", operation: "look around") }
        #expect(error?.sqlstate == PostgreSQLError.State.undefinedTable)
        #expect(error?.description == "cannot look around: relation \"nowhere\" does not exist (PostgreSQL 42P01)")
    }

    @Test func aThrowingTransactionLeavesNothingAndNestedOnesRollBackAlone() throws {
        struct Stop: Error {}
        try connection.execute(script: "CREATE TABLE t (v int)")
        #expect(throws: Stop.self) { try connection.transaction { try connection.query("INSERT INTO t VALUES (1)"); throw Stop() } }
        try connection.transaction {
            try connection.query("INSERT INTO t VALUES (2)")
            #expect(throws: Stop.self) { try connection.transaction { try connection.query("INSERT INTO t VALUES (3)"); throw Stop() } }
            #expect(throws: PostgreSQLError.self) { try connection.transaction { try connection.query("SELECT 1/0") } }
        }
        #expect(try connection.query("SELECT array_agg(v::text) AS v FROM t")[0]["v"] == ["2"])
    }

    @Test func binaryCopyIsReadByTheServer() throws {
        try connection.execute(script: "CREATE TABLE t (i int8, s text, f real, d float8[], t timestamptz, u uuid)")
        let id = UUID(), date = Date(timeIntervalSince1970: 1_700_000_000.5)
        // Enough rows for several flushes.
        let copied = try connection.copyIn("COPY t FROM STDIN (FORMAT binary)", columns: 6, rows: 0..<20_000) { index, copy in
            copy.beginRow()
            copy.append(index)
            copy.append(index % 2 == 0 ? "row \(index)" : nil)
            copy.append(Float(index) / 4)
            copy.append([Double(index), 0.5])
            copy.append(date)
            copy.append(id)
        }
        #expect(copied == 20_000)
        let row = try connection.query("""
            SELECT count(*) AS n, sum(i)::int8 AS sum, count(s) AS texts, max(f) AS f, bool_and(d = ARRAY[i, 0.5]::float8[]) AS arrays, min(t) AS t, count(DISTINCT u) AS ids FROM t
            """)[0]
        #expect(try row["n"] == 20_000 && row["sum"] == 199_990_000 && row["texts"] == 10_000 && row["f"] == 4999.75)
        #expect(try row["arrays"] == true && row["t"] == date && row["ids"] == 1)
    }

    @Test func aCopyThatFailsLeavesNothingAndAUsableConnection() throws {
        struct Stop: Error {}
        try connection.execute(script: "CREATE TABLE t (i int8 CHECK (i < 10))")
        #expect(throws: Stop.self) {
            try connection.copyIn("COPY t FROM STDIN (FORMAT binary)", columns: 1, rows: 0..<5) { index, copy in
                if index == 3 { throw Stop() }
                copy.beginRow()
                copy.append(index)
            }
        }
        #expect(throws: PostgreSQLError.self) {
            try connection.copyIn("COPY t FROM STDIN (FORMAT binary)", columns: 1, rows: 0..<20) { $1.beginRow(); $1.append($0) }
        }
        #expect(throws: PostgreSQLError.self) { try connection.copyIn("COPY nowhere FROM STDIN (FORMAT binary)", columns: 1, rows: 0..<1) { $1.beginRow(); $1.append($0) } }
        #expect(try connection.query("SELECT count(*) AS n FROM t")[0]["n"] == 0)
    }

    @Test func anotherThreadCancelsAStatement() throws {
        let error = try cancelling(connection) {
            #expect(throws: PostgreSQLError.self) { try connection.query("SELECT pg_sleep(30)") }
        }
        #expect(error?.sqlstate == PostgreSQLError.State.queryCanceled)
        #expect(connection.probe())
    }

    @Test func aServerThatGoesAwayIsNoticed() throws {
        let other = try TestCluster.shared.get().another(like: connection)
        try other.query("SELECT pg_terminate_backend($1::int, 5000)", [connection.backendPID])
        let error = #expect(throws: PostgreSQLError.self) { try connection.query("SELECT 1") }
        #expect(error?.connectionLost == true)
        #expect(!connection.isUsable && !connection.probe())
    }

    @Test func noticesAreKeptUntilTaken() throws {
        try connection.execute(script: "DO $$ BEGIN RAISE WARNING 'careful'; RAISE NOTICE 'by the way'; END $$")
        #expect(connection.takeNotices().map { "\($0.severity): \($0.message)" } == ["WARNING: careful", "NOTICE: by the way"])
        #expect(connection.takeNotices().isEmpty)
    }
}
