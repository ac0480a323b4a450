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
    /// What became of the known paths under one source.
    struct Loss: Equatable {
        /// Those that were there at the last run: paths that an earlier run found gone are not among them.
        var known = 0
        var missing = 0
        /// The first of the missing, by name.
        var example: String?

        var share: Double { known == 0 ? 0 : Double(missing) / Double(known) }
    }

    /// By source. Each is looked at by itself: one mount of several that is empty is as wrong as all of them.
    var losses: [String: Loss] = [:]

    /// - Parameters:
    ///   - sources: the sources that a path lies under, a stack's also that of its files; none: it is no concern of the pipeline's.
    ///   - isGone: whether a path that was not discovered does not exist (rather than being passed over, or unreadable).
    init(
        found: [SceneDiscovery.Candidate], known: [KnownFile], sources: (String) -> [String], isGone: (String) -> Bool
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
        for file in known where !file.isMissing {
            let path = file.file.path
            let sources = sources(path)
            guard !sources.isEmpty else { continue }
            let isMissing = !seen.contains(path) && isGone(path)
            if isMissing { missing.append(path) }
            for source in sources {
                var loss = losses[source] ?? Loss()
                loss.known += 1
                if isMissing {
                    loss.missing += 1
                    loss.example = min(loss.example ?? path, path)
                }
                losses[source] = loss
            }
        }
    }

    var toDo: [SceneFile] { new + changed + unfinished }

    /// The source that lost the largest share of its files, where that is more than allowed.
    func worstLoss(above allowed: Double) -> (source: String, loss: Loss)? {
        losses.filter { $0.value.share > allowed }.max { ($0.value.share, $1.key) < ($1.value.share, $0.key) }.map { ($0.key, $0.value) }
    }
}
