import Testing
@testable import PostgreSQL

@Suite struct ConninfoTests {
    @Test(arguments: ["postgresql://me:s3cret@db.example:5433/tiles", "host=db.example port=5433 user=me dbname=tiles password=s3cret"])
    func printsNoPassword(_ text: String) throws {
        let conninfo = try Conninfo(text)
        #expect(!conninfo.redacted.contains("s3cret"))
        #expect(conninfo.redacted.contains("host=db.example"))
        #expect(conninfo["port"] == "5433")
    }

    @Test(arguments: ["postgres//me:s3cret@db/tiles", "host=db s3cret", "nonsense=s3cret"])
    func aMistypedOneIsRefusedWithoutRepeatingIt(_ text: String) {
        let error = #expect(throws: PostgreSQLError.self) { try Conninfo(text) }
        #expect(error?.description.contains("s3cret") == false)
        #expect(error?.description.hasPrefix("cannot read the connection string: ") == true)
    }

    @Test func quotesWhatItIsGiven() throws {
        let conninfo = try Conninfo(settings: [("host", "/tmp/it's a \\ path"), ("dbname", "tiles")])
        #expect(conninfo["host"] == "/tmp/it's a \\ path")
    }

    @Test func aServerThatIsNotThereIsNamed() {
        let error = #expect(throws: PostgreSQLError.self) {
            try Connection("host=/nonexistent-socket-folder dbname=tiles user=me password=s3cret")
        }
        #expect(error?.connectionLost == true)
        #expect(error?.description.contains("/nonexistent-socket-folder") == true)
        #expect(error?.description.contains("s3cret") == false)
    }
}
