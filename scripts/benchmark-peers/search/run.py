#!/usr/bin/env python3
"""Recall and time of filtered searches beside plain pgvector, on the same rows in one run. Called by scripts/benchmark search."""
import json
import pathlib
import time

import numpy

import asking
import contenders
import corpus as corpora
import database
import report
from questions import ask

SHARES = (0.00001, 0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.5, 1.0)
LEAST_SHARE_FOR_ITERATIVE = 0.001
RELATIONS = ("correlated", "uncorrelated", "anti-correlated")
# A year and a half of the ten that the tiles are of; asked on top of the area at these shares.
DATES = "[2018-01-01,2019-07-01)"
DATED_SHARES = (0.01, 0.1, 1.0)
# A session's first searches load and plan; a pool of connections, as services have it, has that behind it.
WARMING = 8


def truth(connection, corpus, area, vector, dates):
    """Brute force: PostGIS says which tiles lie inside, NumPy ranks them all."""
    where = "true" if area is None else "ST_Intersects(footprint, %(area)s::geometry)"
    if dates is not None:
        where += " AND acquired_at <@ %(dates)s::tstzrange"
    if area is None and dates is None:
        inside = numpy.arange(len(corpus.vectors))
    else:
        inside = numpy.array([database.number_of(row[0]) for row in connection.execute(f"SELECT id FROM public.plain WHERE {where}", {"area": area, "dates": dates})], int)
    distances = corpus.distances(inside, vector)
    order = numpy.argsort(distances)[:contenders.K]
    return len(inside), inside[order], distances[order]


def recall(found, corpus, vector, distances):
    """Share of the true k distances that were reached; ties count as found."""
    if len(distances) == 0:
        return 1.0
    mine = corpus.distances(numpy.array(found, int), vector)
    return min(1.0, (mine <= distances[-1] + 2e-4).sum() / len(distances))


def area_of(connection, ring):
    if ring is None:
        return None
    shape = "POLYGON((" + ",".join(f"{x} {y}" for x, y in ring) + "))"
    return connection.execute("SELECT ST_CollectionExtract(ST_Intersection(ST_MakeValid(ST_GeomFromText(%s, 4326)), ST_MakeEnvelope(-180, -90, 180, 90, 4326)), 3)::text", [shape]).fetchone()[0]


class Asked:
    """A question as it is put to a database, and its answer by brute force."""

    def __init__(self, corpus, connection, share, relation, dates, random):
        question = ask(corpus, share, relation, random)
        self.query, self.vector, self.dates = question.vector, contenders.text(question.vector), dates
        self.area = area_of(connection, question.ring)
        self.passing, _, self.distances = truth(connection, corpus, self.area, self.query, dates)

    def put_to(self, contestant):
        return contestant.ask(self.area, self.vector, self.dates)

    def measure(self, contestant, corpus):
        """Recall, milliseconds of the faster of two, and whether too few rows came back."""
        best = None
        for _ in range(2):
            started = time.perf_counter()
            found = self.put_to(contestant)
            elapsed = (time.perf_counter() - started) * 1000
            best = elapsed if best is None else min(best, elapsed)
        return recall([database.number_of(i) for i in found], corpus, self.query, self.distances), best, len(found) < min(contenders.K, self.passing)


def measure_cell(corpus, connection, contestants, share, relation, dates, count, random):
    """Rows kept, and of each contender its recalls and milliseconds.

    They take turns, in an order drawn anew and each at another question. Who always follows the same one is the faster or slower for it; and who is asked what another has just been asked
    finds the pages that both read in the processor's caches, and most contenders read the same index."""
    recalls, times, short = {c.name: [] for c in contestants}, {c.name: [] for c in contestants}, 0
    questions = [Asked(corpus, connection, share, relation, dates, random) for _ in range(count)]
    for turn in range(count):
        for own in random.permutation(len(contestants)):
            name = contestants[own].name
            reached, best, too_few = questions[(turn + own) % count].measure(contestants[own], corpus)
            times[name].append(best)
            recalls[name].append(reached)
            short += too_few and name == "tilescout"
    return [question.passing for question in questions], recalls, times, short


def warm(corpus, connection, contestants):
    random = numpy.random.default_rng(1)
    for turn in range(WARMING):
        for share in (0.001, 0.1, 1.0):
            question = ask(corpus, share, "correlated", random)
            area = area_of(connection, question.ring)
            for contestant in contestants:
                contestant.ask(area, contenders.text(question.vector), DATES if turn % 2 else None)


def index_ours(connection, rows):
    """Vectors a second."""
    started = time.perf_counter()
    connection.execute("SELECT tilescout.build_index('bench', true)")
    return rows / (time.perf_counter() - started)


def row(cell, ours, planner, exact, iterative):
    share, relation, dates, (kept, recalls, times, short) = cell
    p50 = {name: numpy.median(values) for name, values in times.items()}
    p95 = {name: numpy.quantile(values, 0.95) for name, values in times.items()}
    mean = {name: numpy.mean(values) for name, values in recalls.items()}
    good = [c.name for c in iterative if mean[c.name] >= 0.99]
    tuned = min(good, key=p50.get) if good else max((c.name for c in iterative), key=mean.get, default=None)
    fastest = min([name for name in (planner.name, exact.name, tuned) if name and mean[name] >= 0.99], key=p50.get)
    return {
        "share": share, "relation": relation, "dates": bool(dates), "kept": int(numpy.median(kept)), "short": short,
        "recall": mean["tilescout"], "recall1": float(numpy.quantile(recalls["tilescout"], 0.01)), "p50": p50["tilescout"], "p95": p95["tilescout"],
        "planner": [mean[planner.name], p50[planner.name]], "tuned": [tuned, mean[tuned], p50[tuned]] if tuned else None, "exact": p50[exact.name],
        "fastest": fastest, "ratio": p50[fastest] / p50["tilescout"]}


def main():
    parser = asking.parser((40, "of each cell"))
    parser.add_argument("--filled", action="store_true", help="the tables hold this corpus already")
    parser.add_argument("--directly", action="store_true", help="rows too many to have twice: copied straight into our tables, over which plain pgvector searches too")
    parser.add_argument("--shares", type=lambda text: [float(x) for x in text.split(",")], default=SHARES)
    parser.add_argument("--relations", type=lambda text: text.split(","), default=RELATIONS)
    parser.add_argument("--result", type=pathlib.Path, required=True, help="JSON")
    parser.add_argument("--report", type=pathlib.Path, help="the document whose table is replaced")
    arguments = parser.parse_args()

    corpus = corpora.load(arguments.matrix, arguments.names, arguments.rows, arguments.seed)
    result = {"rows": arguments.rows, "seed": arguments.seed, "questions": arguments.questions, "question_seed": arguments.question_seed}
    connect = asking.connector(arguments.conninfo)
    connection = connect()
    if arguments.directly and not arguments.filled:
        connection.autocommit = False
        database.fill_ours_directly(connection, corpus, corpora.DIMENSION)
        connection.autocommit = True
        result["index"] = index_ours(connection, arguments.rows)
        database.plain_over_ours(connection)
        connection.execute("VACUUM ANALYZE")
    elif not arguments.filled:
        connection.autocommit = False
        merging, publishing = database.fill_ours(connection, corpus, corpora.DIMENSION)
        result["merge"], result["publish"] = arguments.rows / merging, arguments.rows / publishing
        result["copy"] = arguments.rows / database.fill_plain(connection, corpus, corpora.DIMENSION)
        result["plain_index"] = arguments.rows / database.index_plain(connection)
        connection.autocommit = True
        result["index"] = index_ours(connection, arguments.rows)
        connection.execute("VACUUM ANALYZE")
    ours, planner, exact, iterative = contenders.all_of(connect)
    result["cells"] = []
    warm(corpus, connection, [ours, planner, exact, *iterative])
    for share in arguments.shares:
        for relation in arguments.relations:
            if share >= 1 and relation != "uncorrelated":
                continue
            for dates in (None, DATES) if share in DATED_SHARES and relation == "uncorrelated" else (None,):
                random = numpy.random.default_rng([arguments.question_seed, int(share * 1e6), RELATIONS.index(relation), dates is not None])
                # Below, the index has to be read nearly whole: seconds, against the exact plan's millisecond.
                iterating = iterative if share >= LEAST_SHARE_FOR_ITERATIVE else []
                cell = (share, relation, dates, measure_cell(
                    corpus, connection, [ours, planner, exact, *iterating], share, relation, dates, arguments.questions, random))
                result["cells"].append(row(cell, ours, planner, exact, iterating))
                print(json.dumps(result["cells"][-1]), flush=True)
                arguments.result.write_text(json.dumps(result, indent=1))
    if arguments.report:
        report.write(result, arguments.report)


if __name__ == "__main__":
    main()
