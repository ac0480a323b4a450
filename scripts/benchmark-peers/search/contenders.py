"""Tilescout's search and plain pgvector's three ways, each as a function from a question to tile ids.

All return the same two columns to the client: id and distance, ten rows."""

K = 10
TILES = """
SELECT id, embedding <=> %(vector)s::halfvec FROM public.plain WHERE {where} ORDER BY {distance} LIMIT 10
"""


def text(vector):
    return "[" + ",".join(f"{x:.6g}" for x in vector) + "]"


class Contender:
    def __init__(self, name, connection, settings, statement, exact=False):
        self.name, self.connection, self.statement, self.exact = name, connection, statement, exact
        for setting, value in settings.items():
            connection.execute(f"SET {setting} = {value}")

    def ask(self, area, vector, dates):
        where = []
        if "{where}" not in self.statement:
            return [row[0] for row in self.connection.execute(self.statement, {"area": area, "vector": vector, "dates": dates})]
        if area is not None:
            where.append("ST_Intersects(footprint, %(area)s::geometry)")
        if dates is not None:
            where.append("acquired_at <@ %(dates)s::tstzrange")
        distance = "(embedding <=> %(vector)s::halfvec) + 0" if self.exact else "embedding <=> %(vector)s::halfvec"
        statement = self.statement.format(where=" AND ".join(where) or "true", distance=distance)
        return [row[0] for row in self.connection.execute(statement, {"area": area, "vector": vector, "dates": dates})]


def all_of(connect):
    """connect makes a new connection: settings are the connection's."""
    ours = Contender("tilescout", connect(), {},
                     "SELECT tile_id, distance FROM tilescout.search(embedding => %(vector)s::halfvec, k => 10, within => %(area)s::geometry, acquired => %(dates)s::tstzrange)")
    planner = Contender("planner's own", connect(), {}, TILES)
    exact = Contender("exact", connect(), {}, TILES, exact=True)
    forced = {"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_sort": "off", "hnsw.iterative_scan": "relaxed_order"}
    iterative = [
        Contender(f"iterative ef {ef}, {scan // 1000} k", connect(), {**forced, "hnsw.ef_search": ef, "hnsw.max_scan_tuples": scan, "hnsw.scan_mem_multiplier": 4}, TILES)
        for ef, scan in ((40, 20_000), (100, 20_000), (200, 20_000), (400, 20_000), (400, 100_000), (1000, 100_000))]
    return ours, planner, exact, iterative
