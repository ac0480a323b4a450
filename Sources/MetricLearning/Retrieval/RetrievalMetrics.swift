import Kernels

/// Ranks the whole gallery for every query, exactly, and scores the rankings.
///
/// - Average precision is the mean, over the relevant answers, of the precision at each one's rank.
/// - ANMRR is that of MPEG-7 (B. S. Manjunath et al., "Color and texture descriptors", IEEE TCSVT 11(6), 2001): with NG(q)
///   relevant answers and GTM the largest NG, K = min(4 NG, 2 GTM); a rank beyond K counts 1.25 K;
///   NMRR = (mean rank − 0.5 (1 + NG)) / (1.25 K − 0.5 (1 + NG)).
/// - Ties are ranked by gallery row.
///
/// Queries without a relevant answer are counted, and are in no mean.
/// - Throws: `MetricLearningError` for a cut-off below 1.
public func evaluateRetrieval(
    _ task: RetrievalTask, options: RetrievalOptions = RetrievalOptions()
) throws(MetricLearningError) -> RetrievalReport {
    guard (options.precisionAt + options.recallAt + [options.neighbours]).allSatisfy({ $0 >= 1 }) else {
        throw MetricLearningError(
            operation: "evaluate retrieval",
            subject: "cut-offs \(options.precisionAt), \(options.recallAt), \(options.neighbours)",
            reason: "each must be at least 1")
    }
    var members: [Int: [Int]] = [:]
    for (row, label) in task.galleryLabels.enumerated() { members[label, default: []].append(row) }
    func relevantRows(_ query: Int) -> [Int] {
        let rows = members[task.queryLabels[query]] ?? []
        guard let excluded = task.excludedRow(of: query) else { return rows }
        return rows.filter { $0 != excluded }
    }
    let largest = (0..<task.queries.rows).reduce(0) { max($0, relevantRows($1).count) }

    var overall = ScoreSums(options), classes: [Int: ScoreSums] = [:]
    var queries: [QueryScores] = []
    var nearestConfusion = ConfusionMatrix(labels: task.queryLabels + task.galleryLabels)
    var neighbourConfusion = nearestConfusion
    var best = LeastKeys(count: options.neighbours)
    SimilarityBlocks(task, memory: options.memory).forEachQuery { query, similarities, range in
        let label = task.queryLabels[query], excluded = task.excludedRow(of: query) ?? -1
        let relevant = relevantRows(query)
        let ranks = relevantRanks(similarities, range, relevant: relevant, label, task.galleryLabels, excluded, &best)
        let neighbours = best.keys.map { Int(UInt32(truncatingIfNeeded: $0)) }
        if let nearest = neighbours.first {
            nearestConfusion.add(truth: label, predicted: task.galleryLabels[nearest])
            neighbourConfusion.add(truth: label, predicted: vote(neighbours.map { task.galleryLabels[$0] }))
        }
        let ap = averagePrecision(ranks: ranks), nmrr = normalisedModifiedRank(ranks: ranks, largest: largest)
        if let ap, let nmrr {
            overall.add(ranks, ap, nmrr)
            classes[label, default: ScoreSums(options)].add(ranks, ap, nmrr)
        }
        queries.append(
            QueryScores(
                relevant: relevant.count, averagePrecision: ap, nmrr: nmrr, firstRelevantRank: ranks.first,
                nearest: neighbours.first))
    }
    return RetrievalReport(
        overall: overall.means,
        perClass: classes.keys.sorted().map { .init(label: $0, scores: classes[$0]!.means) },
        queries: queries, queriesWithoutRelevant: queries.count { $0.relevant == 0 },
        nearestConfusion: nearestConfusion, neighbourConfusion: neighbourConfusion)
}

/// AP of one query from the ranks of its relevant answers (ascending, from 1); nil for none.
public func averagePrecision(ranks: [Int]) -> Double? {
    guard !ranks.isEmpty else { return nil }
    return ranks.enumerated().reduce(0) { $0 + Double($1.offset + 1) / Double($1.element) } / Double(ranks.count)
}

/// NMRR of one query from the ranks of its relevant answers; nil for none. See `evaluateRetrieval`.
/// - Parameter largest: GTM, the largest number of relevant answers of any query of the task.
public func normalisedModifiedRank(ranks: [Int], largest: Int) -> Double? {
    guard !ranks.isEmpty else { return nil }
    let relevant = Double(ranks.count)
    let reach = min(4 * relevant, 2 * Double(largest))
    let mean = ranks.reduce(0) { $0 + (Double($1) <= reach ? Double($1) : 1.25 * reach) } / relevant
    let ideal = 0.5 * (1 + relevant)
    return (mean - ideal) / (1.25 * reach - ideal)
}

/// The ranks of the relevant rows, ascending, without sorting the gallery: the relevant keys are sorted, and every other row
/// is counted into the gap that it falls in. `best` is left with the least keys of all.
private func relevantRanks(
    _ similarities: [FixedSimilarity], _ range: Range<Int>, relevant: [Int], _ label: Int, _ galleryLabels: [Int],
    _ excluded: Int, _ best: inout LeastKeys
) -> [Int] {
    let keys = relevant.map { rankingKey(similarities[range.lowerBound + $0], row: $0) }.sorted()
    var before = [Int](repeating: 0, count: keys.count + 1)
    best.removeAll()
    for row in 0..<range.count where row != excluded {
        let key = rankingKey(similarities[range.lowerBound + row], row: row)
        best.insert(key)
        if galleryLabels[row] != label { before[count(of: keys, below: key)] += 1 }
    }
    var wrong = 0
    return keys.indices.map { position in
        wrong += before[position]
        return position + 1 + wrong
    }
}

/// How many of ascending keys are less than `key`. The halving has no branch to mispredict: this is the inner loop of an
/// evaluation, and half of its comparisons go either way.
@inline(__always)
private func count(of keys: [UInt64], below key: UInt64) -> Int {
    guard !keys.isEmpty else { return 0 }
    var base = 0, length = keys.count
    while length > 1 {
        let half = length / 2
        base += keys[base + half - 1] < key ? half : 0
        length -= half
    }
    return base + (keys[base] < key ? 1 : 0)
}

/// The most frequent class; ties to the one that comes first.
private func vote(_ labels: [Int]) -> Int {
    var counts: [Int: Int] = [:]
    for label in labels { counts[label, default: 0] += 1 }
    var winner = labels[0]
    for label in labels where counts[label]! > counts[winner]! { winner = label }
    return winner
}

private struct ScoreSums {
    var sums = RetrievalScores()
    let precisionAt: [Int]
    let recallAt: [Int]

    init(_ options: RetrievalOptions) {
        precisionAt = options.precisionAt
        recallAt = options.recallAt
        for k in precisionAt { sums.precision[k] = 0 }
        for k in recallAt { sums.recall[k] = 0 }
    }

    mutating func add(_ ranks: [Int], _ averagePrecision: Double, _ nmrr: Double) {
        sums.queries += 1
        sums.meanAveragePrecision += averagePrecision
        sums.anmrr += nmrr
        for k in Set(precisionAt) { sums.precision[k]! += Double(ranks.prefix { $0 <= k }.count) / Double(k) }
        for k in Set(recallAt) { sums.recall[k]! += ranks[0] <= k ? 1 : 0 }
    }

    var means: RetrievalScores {
        guard sums.queries > 0 else { return sums }
        var means = sums
        let count = Double(sums.queries)
        means.meanAveragePrecision /= count
        means.anmrr /= count
        means.precision = sums.precision.mapValues { $0 / count }
        means.recall = sums.recall.mapValues { $0 / count }
        return means
    }
}
