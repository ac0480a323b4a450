/// Cuts a simple ring along a meridian.
enum RingSplitter {
    /// A run of vertices on one side, with the latitudes where it comes from the meridian and returns to it.
    private struct Run {
        var isWest: Bool
        var points: [Point]
        var entry: Int
        var exit: Int
    }

    /// The rings on either side; the ring itself where it lies on one side. nil where the crossings do not pair up,
    /// which happens only to rings that are not simple.
    static func split(_ ring: [Point], at meridian: Double) -> [[Point]]? {
        let count = ring.count
        let isWest = ring.map { $0.x < meridian }
        guard let start = (0..<count).first(where: { isWest[$0] != isWest[($0 + count - 1) % count] }) else {
            return [ring]
        }
        var crossings: [Double] = []
        var runs: [Run] = []
        for offset in 0..<count {
            let index = (start + offset) % count
            let previous = (index + count - 1) % count
            if isWest[index] != isWest[previous] {
                if !runs.isEmpty { runs[runs.count - 1].exit = crossings.count }
                crossings.append(latitude(between: ring[previous], and: ring[index], at: meridian))
                runs.append(Run(isWest: isWest[index], points: [], entry: crossings.count - 1, exit: 0))
            }
            runs[runs.count - 1].points.append(ring[index])
        }
        // Along the meridian, inside and outside alternate: crossings pair up from the south.
        let order = crossings.indices.sorted { crossings[$0] < crossings[$1] }
        var partner = [Int](repeating: 0, count: crossings.count)
        for pair in stride(from: 0, to: order.count - 1, by: 2) {
            partner[order[pair]] = order[pair + 1]
            partner[order[pair + 1]] = order[pair]
        }
        return join(runs, crossings: crossings, partner: partner, meridian: meridian)
    }

    private static func join(
        _ runs: [Run], crossings: [Double], partner: [Int], meridian: Double
    ) -> [[Point]]? {
        var unused = Set(runs.indices)
        var rings: [[Point]] = []
        while let first = unused.min() {
            var ring: [Point] = []
            var current = first
            repeat {
                guard unused.remove(current) != nil else { return nil }
                let run = runs[current]
                ring.append(Point(x: meridian, y: crossings[run.entry]))
                ring += run.points
                ring.append(Point(x: meridian, y: crossings[run.exit]))
                let side = run.isWest
                guard let next = runs.indices.first(where: {
                    runs[$0].entry == partner[run.exit] && runs[$0].isWest == side
                }) else { return nil }
                current = next
            } while current != first
            rings.append(ring)
        }
        return rings
    }

    private static func latitude(between a: Point, and b: Point, at meridian: Double) -> Double {
        a.y + (b.y - a.y) * (meridian - a.x) / (b.x - a.x)
    }
}
