import PostgreSQL
import Testing
import TileStore

/// How much of what comparing every vector finds `tilescout.search` finds, and how it was answered.
struct Recall {
    var found = 0, wanted = 0
    /// Searches by `tilescout.native_search_way`.
    var ways: [String: Int] = [:]

    var share: Double { Double(found) / Double(wanted) }
    var byLists: Int { ways["lists"] ?? 0 }
    var byRegions: Int { ways["lists of regions"] ?? 0 }

    static func += (sum: inout Recall, more: Recall) {
        sum.found += more.found
        sum.wanted += more.wanted
        sum.ways.merge(more.ways, uniquingKeysWith: +)
    }

    /// SQL that counts the rows of `answer` that no answer may hold: they do not pass, are there twice, or are nearer than the one before.
    /// Each is looked up by its key: without OFFSET the planner may look at the whole table instead.
    /// - Parameter passing: of a row `n` of the answer, `e` of the vectors and `c` of the collections, in SQL.
    static func amiss(passing: String) -> String {
        """
        (SELECT count(*) FROM (
             SELECT a.*, row_number() OVER (PARTITION BY a.tile_id, a.collection) AS time, a.distance < lag(a.distance) OVER (ORDER BY a.rank) AS nearer FROM answer AS a
         ) AS n WHERE n.time > 1 OR n.nearer OR NOT EXISTS (
             SELECT FROM tilescout.embedding_1 AS e JOIN tilescout.run AS r ON r.id = e.run_id AND r.state = 'published' JOIN tilescout.collection AS c ON c.id = e.collection_id
             WHERE e.tile_id = n.tile_id AND c.name = n.collection AND (\(passing)) OFFSET 0))
        """
    }

    /// SQL that a row `e` passes which lies in an area, of a range of dates; either may be NULL. A range that is open at both ends asks for no date.
    static func passing(area: String, dates: String) -> String {
        """
        (\(area)::geometry IS NULL OR ST_Intersects(e.footprint, tilescout.search_area(\(area))))
        AND (\(dates)::tstzrange IS NULL OR coalesce(e.acquired_at <@ \(dates)::tstzrange, lower_inf(\(dates)::tstzrange) AND upper_inf(\(dates)::tstzrange)))
        """
    }
}

extension StoreFixture {
    /// Nothing, nearly all of a place of ten degrees, and less of it.
    static let areas = ["NULL", "tilescout.bbox(0, 0, 9.2, 9.2)", "ST_GeomFromText('POLYGON((0 0, 9 1, 8 9, 1 8, 0 0))', 4326)", "tilescout.bbox(1, 1, 6, 7)"]

    /// Of so many questions, each about one of the areas. Fails where an answer is short, or holds what it may not.
    /// - Parameter dates: a range in SQL.
    func recall(_ questions: [[Float]], areas: [String] = areas, dates: String = "NULL", k: Int = 10) throws -> Recall {
        var recall = Recall()
        for (turn, question) in questions.enumerated() {
            let area = areas[turn % areas.count], vector = Self.literal(question), passing = Recall.passing(area: area, dates: dates)
            let row = try store.connection.query("""
                WITH answer AS MATERIALIZED (SELECT * FROM tilescout.search(embedding => \(vector), k => \(k), within => \(area), acquired => \(dates))), truth AS (
                    SELECT e.tile_id, e.embedding <=> \(vector) AS distance FROM tilescout.embedding_1 AS e JOIN tilescout.run AS r ON r.id = e.run_id AND r.state = 'published'
                    WHERE \(passing)
                    ORDER BY 2, 1 LIMIT \(k)
                )
                SELECT (SELECT count(*) FROM answer) AS rows, (SELECT count(*) FROM truth) AS wanted, (SELECT count(*) FROM answer JOIN truth USING (tile_id, distance)) AS found,
                       \(Recall.amiss(passing: passing)) AS amiss
                """)[0]
            #expect(try row["rows"] as Int == row["wanted"], "turn \(turn)")
            #expect(try row["amiss"] as Int == 0, "turn \(turn)")
            recall.found += try row["found"]
            recall.wanted += try row["wanted"]
            recall.ways[try store.connection.query("SELECT tilescout.native_search_way() AS way")[0]["way"], default: 0] += 1
        }
        return recall
    }

    /// Cells that hold scenes of several dates and of none.
    func mixedCells() throws -> Int {
        try store.connection.query("SELECT count(*) AS n FROM tilescout.cell WHERE cardinality(scenes) > 1 AND undated AND acquired_from < acquired_to")[0]["n"]
    }

    /// Vectors in lists, and what the lists' middles say of how many there are.
    func held() throws -> (vectors: Int, lists: Int, generation: Int?) {
        let row = try store.connection.query("""
            SELECT coalesce(sum(get_byte(l.codes, 4) + 256 * get_byte(l.codes, 5)) FILTER (WHERE l.list >= 0), 0)::bigint AS vectors, count(DISTINCT l.list) FILTER (WHERE l.list >= 0) AS lists,
                   (SELECT m.looks_generation FROM tilescout.model AS m) AS generation FROM tilescout.look AS l
            """)[0]
        return (try row["vectors"], try row["lists"], try row["generation"])
    }
}
