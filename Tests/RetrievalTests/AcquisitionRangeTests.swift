import Foundation
import Testing

@testable import Retrieval

@Suite("Acquisition range")
struct AcquisitionRangeTests {
    @Test("Both ends are included as wholes", arguments: [
        ("2020", "2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"),
        ("2020-02", "2020-02-01T00:00:00Z", "2020-03-01T00:00:00Z"),
        ("2020-02-28/2020-02-29", "2020-02-28T00:00:00Z", "2020-03-01T00:00:00Z"),
        ("2019/2020-06", "2019-01-01T00:00:00Z", "2020-07-01T00:00:00Z"),
    ])
    func closed(text: String, start: String, end: String) throws {
        let range = try AcquisitionRange(text)
        #expect(range.start == (try Date(start, strategy: .iso8601)))
        #expect(range.end == (try Date(end, strategy: .iso8601)))
    }

    @Test("Either side may be open")
    func open() throws {
        #expect(try AcquisitionRange("2020/..").end == nil)
        #expect(try AcquisitionRange("/2020").start == nil)
    }

    @Test("What is no span is refused with its reason", arguments: [
        ("", "open on both sides"), ("../..", "open on both sides"), ("2021/2020", "ends before"),
        ("2021-02-29", "calendar"), ("2021-13", "calendar"), ("soon", "no date"), ("1/2/3", "more than one"),
        ("2020-01-01T25:00:00Z", "no instant"),
    ])
    func refused(text: String, reason: String) {
        let error = #expect(throws: AcquisitionRangeError.self) { try AcquisitionRange(text) }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "accepted")")
    }
}
