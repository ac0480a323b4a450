#!/usr/bin/env python3
"""Recall and time of Tilescout's searches alone, of rows too many to have twice, or to build an HNSW index of for plain pgvector: lists by look serve the extension's searches.

--fill copies the rows straight into the tables of an empty, migrated database; the questions are those of run.py."""
import time

import numpy
import psycopg

import asking
import contenders
import corpus as corpora
import database
from run import DATED_SHARES, DATES, RELATIONS, measure_cell, warm

# Of half of ten million rows brute force takes as long as of all.
SHARES = (0.00001, 0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0)


class Alone:
    """Tilescout's searches of a filled database, warmed."""

    def __init__(self, conninfo, corpus):
        connect = asking.connector(conninfo)
        self.corpus, self.connection, self.ours = corpus, connect(), contenders.all_of(connect)[0]
        warm(corpus, self.connection, [self.ours])

    def measure(self, share, relation, dates, count, random):
        """Of each question rows kept, recall, and milliseconds; raises SystemExit where an answer is short."""
        kept, recalls, times, short = measure_cell(self.corpus, self.connection, [self.ours], share, relation, dates, count, random)
        if short > 0:
            raise SystemExit(f"{short} short answers")
        return kept, recalls[self.ours.name], times[self.ours.name]


def fill(connection, corpus, rows):
    started = time.perf_counter()
    database.fill_ours_directly(connection, corpus, corpora.DIMENSION)
    print(f"filled and published in {time.perf_counter() - started:.0f} s", flush=True)
    connection.autocommit = True
    started = time.perf_counter()
    connection.execute("SELECT tilescout.sort_by_look(m.id, (SELECT max(id) FROM tilescout.run)) FROM tilescout.model AS m")
    print(f"sorted by look, {rows / (time.perf_counter() - started):,.0f} vectors a second", flush=True)
    # For brute force: which tiles lie inside.
    connection.execute("CREATE INDEX plain_footprint ON tilescout.embedding_1 USING gist (footprint)")
    connection.execute("CREATE VIEW public.plain AS SELECT tile_id AS id, acquired_at, footprint, embedding FROM tilescout.embedding_1")
    connection.execute("VACUUM ANALYZE")


def main():
    parser = asking.parser((4, "of each cell"), rows=10_000_000)
    parser.add_argument("--fill", action="store_true")
    arguments = parser.parse_args()
    corpus = corpora.load(arguments.matrix, arguments.names, arguments.rows, arguments.seed)
    if arguments.fill:
        with psycopg.connect(arguments.conninfo, prepare_threshold=None) as connection:
            connection.execute("SET maintenance_work_mem = '3GB'; SET synchronous_commit = off")
            connection.commit()
            fill(connection, corpus, arguments.rows)

    alone = Alone(arguments.conninfo, corpus)
    print("| kept | look and place | rows | recall@10 (least) | ms, p50 | longest |\n|" + " --- |" * 6)
    for share in SHARES:
        for relation in RELATIONS:
            if share >= 1 and relation != "uncorrelated":
                continue
            for dates in (None, DATES) if share in DATED_SHARES and relation == "uncorrelated" else (None,):
                random = numpy.random.default_rng([arguments.question_seed, int(share * 1e6), RELATIONS.index(relation), dates is not None])
                kept, recalls, times = alone.measure(share, relation, dates, arguments.questions, random)
                print(f"| {share * 100:g} % | {relation}{', dates' if dates else ''} | {int(numpy.median(kept)):,} | {numpy.mean(recalls):.3f} ({min(recalls):.2f}) "
                      f"| {numpy.median(times):.1f} | {max(times):.1f} |", flush=True)


if __name__ == "__main__":
    main()
