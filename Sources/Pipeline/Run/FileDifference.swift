import Foundation
import TileStore
import Tiling

/// What a discovery found, against what the collection knows: a pure comparison of paths, sizes and times.
struct FileDifference {
    /// Paths that the collection does not know, or knows as gone.
    var new: [SceneFile] = []
    /// Known paths with another size or time.
    var changed: [SceneFile] = []
    /// Known and as they were, but not through: a run was cut short, failed, or was rolled back; or the tiling is new.
    var unfinished: [SceneFile] = []
    /// Nothing to do.
    var unchanged = 0
    /// Known paths under the sources that are there no more.
    var missing: [String] = []
    /// Known paths under the sources, missing ones included, less those that an earlier run found gone.
    var knownHere = 0

    /// - Parameters:
    ///   - isHere: whether a path lies under the pipeline's sources.
    ///   - isGone: whether a path that was not discovered does not exist (rather than being passed over, or unreadable).
    init(
        found: [SceneDiscovery.Candidate], known: [KnownFile], isHere: (String) -> Bool, isGone: (String) -> Bool
    ) {
        let before = Dictionary(known.map { ($0.file.path, $0) }, uniquingKeysWith: { first, _ in first })
        var seen = Set<String>(minimumCapacity: found.count)
        for candidate in found {
            seen.insert(candidate.path)
            let file = SceneFile(
                path: candidate.path, size: candidate.stamp.size, modifiedNanoseconds: candidate.stamp.modifiedMicroseconds * 1000)
            guard let former = before[candidate.path], !former.isMissing else {
                new.append(file)
                continue
            }
            if former.file != file {
                changed.append(file)
            } else if former.isComplete {
                unchanged += 1
            } else {
                unfinished.append(file)
            }
        }
        for file in known where isHere(file.file.path) {
            if file.isMissing { continue }
            knownHere += 1
            if !seen.contains(file.file.path), isGone(file.file.path) { missing.append(file.file.path) }
        }
    }

    var toDo: [SceneFile] { new + changed + unfinished }

    /// The share of known files that went since.
    var missingShare: Double { knownHere == 0 ? 0 : Double(missing.count) / Double(knownHere) }
}
