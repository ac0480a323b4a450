import Foundation
import Pipeline
import TestCluster
import Testing

/// What is wrong in a pipeline file is said with its line, its key and the reason.
@Suite("Pipeline file")
struct PipelineFileTests {
    @Test("The least that a pipeline says: a name and a source; all else has a standard value")
    func least() throws {
        let pipeline = try PipelineFile.parse("name: night\nsources: /data/scenes\n", path: "p.yaml")
        #expect(pipeline.collection == "night" && pipeline.sources == ["/data/scenes"])
        #expect(pipeline.tilings.map(\.tileSize) == [256] && pipeline.maxRemoved == 0.2 && pipeline.publish == .automatic)
    }

    @Test("Several tile sizes are as many ways of cutting, each once, small ones first")
    func sizes() throws {
        let pipeline = try PipelineFile.parse("name: n\nsources: [/d]\ntiles: {sizes: [512, 128], grid: utm:10, cloud: '4:3,8,9,10'}\n", path: "p")
        #expect(pipeline.tilings.map(\.tileSize) == [128, 512])
        #expect(pipeline.tilings.allSatisfy { $0.grid == .utm(resolution: 10) && $0.cloud?.band == 4 })
    }

    @Test("A key that holds nothing is as good as none", arguments: ["", "null", "~", "Null", "NULL"])
    func nothing(text: String) throws {
        let pipeline = try PipelineFile.parse("name: n\nsources: [/d]\ncollection: \(text)\ntiles: \(text)\n", path: "p")
        #expect(pipeline.collection == "n" && pipeline.tilings.map(\.tileSize) == [256])
        #expect(try PipelineFile.parse("name: 'null'\nsources: [/d]\nreport: {on_failure: [sh, alarm.sh]}\n", path: "p").collection == "null")
    }

    private struct UnknownModel: Error {}

    @Test("Each fault has its line, its key and its reason", arguments: [
        ("sources: [/d]", 1, "name", "missing"),
        ("name: n", 1, "sources", "at least one"),
        ("name: n\nsources: [relative]", 2, "sources[0]", "not absolute"),
        ("name: n\nsources: [/a/../b]", 2, "sources[0]", "climbs up"),
        ("name: n\nsources: [/vsicurl/http://x/a.tif]", 2, "sources[0]", "virtual"),
        ("name: -n\nsources: [/d]", 1, "name", "no name"),
        ("name: n\nsources: [/d]\ncolection: x", 3, "colection", "no such key"),
        ("name: n\nsources: [/d]\ntiles:\n  sizes: [256, 7]", 4, "tiles.sizes[1]", "no tile size"),
        ("name: n\nsources: [/d]\ntiles:\n  grid: mars", 4, "tiles.grid", "expected scene, utm"),
        ("name: n\nsources: [/d]\ntiles:\n  overlap: 300", 4, "tiles.overlap", "less than the tile size"),
        ("name: n\nsources: [/d]\ntiles: 256", 3, "tiles", "keys of its own"),
        ("name: n\nsources: [/d]\nremoved:\n  max_share: 2", 4, "removed.max_share", "share from 0 to 1"),
        ("name: n\nsources: [/d]\npublish:\n  policy: maybe", 4, "publish.policy", "automatic, manual"),
        ("name: n\nsources: [/d]\nlimits:\n  network: true", 4, "limits.network", "no such key"),
        ("name: n\nsources: []", 2, "sources", "at least one"),
        ("name: n\nsources: [/d]\nmodel: atlantis", 3, "model", "UnknownModel"),
        ("name: n\nsources: [/d]\nmodel: [a]", 3, "model", "single value"),
        ("name: n\nsources: [/d]\nretention:\n  runs: 0", 4, "retention.runs", "whole number"),
        ("name: n\nsources: [/d]\nstack:\n  bands: [a*, b*]\n  folder: /d/stacks", 5, "stack.folder", "lies in the source /d"),
        ("name: n\nsources: [/d/*/x]\nstack:\n  bands: [a*, b*]\n  folder: /d", 5, "stack.folder", "lies in the source /d"),
        ("name: n\nsources: [/d]\nstack:\n  bands: [a*, '../b*']\n  folder: /s", 4, "stack.bands[1]", "no pattern"),
        ("name: n\nsources: [/d]\nstack:\n  bands: [a*, 'b*/c*']\n  folder: /s", 4, "stack.bands[1]", "no pattern"),
        ("name: n\nsources: [/d]\nreport:\n  folder: /r\n  on_failure: sh /etc/alarm.sh", 5, "report.on_failure", "name of one program"),
        ("name: n\nsources: [/d]\nreport:\n  on_failure: ['sh alarm.sh']", 4, "report.on_failure", "name of one program"),
        ("name: null\nsources: [/d]", 1, "name", "missing"),
        ("name: n\nsources: ~", 2, "sources", "at least one"),
        ("name: n\nsources: [/d]\nname: m", 1, "name", "twice"),
        ("name: n\nsources: [/d", 3, "", "not YAML"),
        ("- a\n- b", 1, "", "must have keys"),
        ("", 1, "", "empty"),
    ] as [(String, Int, String, String)])
    func faults(text: String, line: Int, key: String, words: String) {
        do {
            _ = try PipelineFile.parse(text, path: "p.yaml") { if $0 == "atlantis" { throw UnknownModel() } }
            Issue.record("it was accepted")
        } catch let error as PipelineFileError {
            #expect(error.problems.contains { $0.line == line && $0.key == key && $0.reason.contains(words) }, "\(error)")
        } catch {
            Issue.record("\(error)")
        }
    }

    @Test("All faults are told at once, in the order of the file")
    func several() throws {
        let error = #expect(throws: PipelineFileError.self) {
            try PipelineFile.parse("name: n\nsources: [x]\npublish:\n  policy: p\nretention:\n  runs: -1\n", path: "p.yaml")
        }
        #expect(error?.problems.map(\.line) == [2, 4, 6])
    }

    @Test("Every text, however damaged, is read or refused with a place")
    func damaged() {
        let good = "name: night\nsources: [/data]\ntiles:\n  sizes: [256, 512]\n  cloud: '4:3,8'\nlimits: {pixels: 1000}\nreport: {on_failure: [mail, x]}\n"
        var random = SeededRandom(seed: 20261130)
        for _ in 0..<2000 {
            var bytes = Array(good.utf8)
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...127, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(contentsOf: [UInt8](":[]{}&*!|>'\"\n".utf8).shuffled(using: &random).prefix(2), at: place)
                }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            do {
                _ = try PipelineFile.parse(text, path: "p")
            } catch let error as PipelineFileError {
                #expect(!error.problems.isEmpty && error.problems.allSatisfy { $0.line > 0 && !$0.reason.isEmpty }, "\(text)")
            } catch {
                Issue.record("\(error): \(text)")
            }
        }
    }
}
