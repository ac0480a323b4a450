import Foundation
import Pipeline
import Testing

/// Whoever is told of a failure holds nothing up.
@Suite("Failure command")
struct FailureCommandTests {
    private let environment = ["PATH": "/usr/bin:/bin", "TILESCOUT_REASON": "a reason"]

    @Test("It sees what it is given; a status, a program that is not there and one that never ends are said", arguments: [
        (["sh", "-c", "[ \"$TILESCOUT_REASON\" = 'a reason' ] && [ -z \"$HOME\" ]"], nil),
        (["sh", "-c", "exit 3"], "status 3"),
        (["/no/such/program"], "status 127"),
        (["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], "longer than 1 seconds"),
        ([], nil),
    ] as [([String], String?)])
    func outcomes(command: [String], words: String?) {
        let started = Date()
        let problem = FailureCommand(command, environment: environment).run(timeout: 1)
        #expect(words.map { problem?.contains($0) == true } ?? (problem == nil), "\(problem ?? "nothing")")
        #expect(Date().timeIntervalSince(started) < 30)
    }
}
