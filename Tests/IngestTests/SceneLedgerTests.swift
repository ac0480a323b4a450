import Testing

@testable import Ingest

@Suite("Scene ledger")
struct SceneLedgerTests {
    private static let summary = SceneLedger.CutSummary(cut: 5, alreadyStored: 1, skipped: ["empty": 2])

    @Test("A scene is complete once, when announced and all its tiles are in, in whatever order", arguments: [
        [1, 4, 0], [0, 5], [5, 0], [2, 0, 3], [0, 1, 1, 1, 1, 1],
    ])
    func completion(steps: [Int]) {
        var ledger = SceneLedger()
        ledger.begin(scene: 7)
        // 0 stands for the announcement, another number for tiles stored.
        let actions = steps.map { step in
            step == 0 ? ledger.announced(scene: 7, summary: Self.summary) : ledger.stored(scene: 7, tiles: step)
        }
        #expect(actions.dropLast().allSatisfy { $0 == .wait })
        #expect(actions.last == .complete(Self.summary))
        #expect(ledger.open.isEmpty)
    }

    @Test("A scene without any tile to store is complete when announced")
    func empty() {
        var ledger = SceneLedger()
        ledger.begin(scene: 0)
        let nothing = SceneLedger.CutSummary(cut: 0, alreadyStored: 3, skipped: [:])
        #expect(ledger.announced(scene: 0, summary: nothing) == .complete(nothing))
    }

    @Test("A failed scene takes no more tiles and never completes; the others do")
    func failure() {
        var ledger = SceneLedger()
        ledger.begin(scene: 0)
        ledger.begin(scene: 1)
        ledger.fail(scene: 0)
        #expect(!ledger.accepts(scene: 0))
        #expect(ledger.accepts(scene: 1))
        #expect(ledger.stored(scene: 0, tiles: 5) == .wait)
        #expect(ledger.announced(scene: 0, summary: Self.summary) == .wait)
        #expect(ledger.open == [1])
    }

    @Test("Nothing is kept of scenes that are over, however many")
    func forgets() {
        var ledger = SceneLedger()
        for scene in 0..<10_000 {
            ledger.begin(scene: scene)
            if scene % 2 == 0 { ledger.fail(scene: scene) } else { _ = ledger.announced(scene: scene, summary: .init(cut: 0, alreadyStored: 0, skipped: [:])) }
        }
        #expect(ledger.open.isEmpty)
        for child in Mirror(reflecting: ledger).children { #expect(Mirror(reflecting: child.value).children.isEmpty, "\(child.label ?? "")") }
    }
}
