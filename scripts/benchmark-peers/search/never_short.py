#!/usr/bin/env python3
"""Random searches against brute force, in a database that run.py has filled: counts short, wrong and unsorted answers, and recall.

Areas of 5 to 5,000 vertices keep 0.001 % to all of the tiles; half of the searches filter by date or valid pixels too; k is 1 to 50 in half of them, else up to 2,000."""
import collections
import time

import numpy

import asking
import contenders
import corpus as corpora
import database
from questions import ask
from run import RELATIONS, area_of

SEARCH = """
SELECT tile_id, distance FROM tilescout.search(embedding => %(vector)s::halfvec, k => %(k)s, within => %(area)s::geometry,
    acquired => %(dates)s::tstzrange, min_valid => %(valid)s)
"""


def main():
    arguments = asking.parser((10_000, "altogether")).parse_args()
    corpus = corpora.load(arguments.matrix, arguments.names, arguments.rows, arguments.seed)
    connection = asking.connector(arguments.conninfo)()
    day = corpus.day[corpus.scene]
    random = numpy.random.default_rng(arguments.question_seed)
    count, recalls, started = collections.Counter(), [], time.monotonic()
    for turn in range(arguments.questions):
        # A twentieth without an area; else a share that is uniform in its logarithm.
        share = 1.0 if random.random() < 0.05 else float(10 ** random.uniform(-5, -0.3))
        question = ask(corpus, share, RELATIONS[random.integers(3)], random)
        k = int(random.integers(1, 51) if random.random() < 0.5 else 10 ** random.uniform(1.7, 3.3))
        area = area_of(connection, question.ring)
        inside = numpy.ones(arguments.rows, bool)
        if area is not None:
            inside[:] = False
            inside[[database.number_of(row[0]) for row in connection.execute("SELECT id FROM public.plain WHERE ST_Intersects(footprint, %s::geometry)", [area])]] = True
        dates, valid = None, None
        if random.random() < 0.3:
            first = int(random.integers(0, 3000))
            last = first + int(random.integers(1, 2000))
            dates = f"[{numpy.datetime64('2015-01-01') + first},{numpy.datetime64('2015-01-01') + last})"
            inside &= (day >= first) & (day < last)
        if random.random() < 0.3:
            valid = float(numpy.float32(random.uniform(0, 1)))
            inside &= corpus.valid >= numpy.float32(valid)
        passing = numpy.flatnonzero(inside)
        distances = corpus.distances(passing, question.vector)
        wanted = min(k, len(passing))
        answer = connection.execute(SEARCH, {"vector": contenders.text(question.vector), "k": k, "area": area, "dates": dates, "valid": valid}).fetchall()
        found = [database.number_of(row[0]) for row in answer]
        count["short"] += len(found) < wanted
        count["too long"] += len(found) > wanted
        count["outside"] += not inside[found].all()
        count["repeated"] += len(set(found)) < len(found)
        count["unsorted"] += any(a[1] > b[1] for a, b in zip(answer, answer[1:]))
        if wanted:
            worst = numpy.partition(distances, wanted - 1)[wanted - 1]
            reached = corpus.distances(numpy.array(found, int), question.vector)
            recalls.append(min(1.0, (reached <= worst + 2e-4).sum() / wanted))
        if (turn + 1) % 1000 == 0 or turn + 1 == arguments.questions:
            print(f"{turn + 1} searches, {len(recalls)} with rows to find: " + ", ".join(f"{count[name]} {name}" for name in ("short", "too long", "outside", "repeated", "unsorted"))
                  + f"; recall {numpy.mean(recalls):.4f}, 1st percentile {numpy.quantile(recalls, 0.01):.2f}; {time.monotonic() - started:.0f} s", flush=True)
    if any(count.values()):
        raise SystemExit("an answer was short or wrong")


if __name__ == "__main__":
    main()
