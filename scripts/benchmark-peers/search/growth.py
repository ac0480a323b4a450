#!/usr/bin/env python3
"""How Tilescout's searches grow with the table: the same numbers of rows pass in a small one and in a large one, both filled before (run.py, alone.py --fill)."""
import argparse

import numpy

import asking
import contenders
import corpus as corpora
from run import RELATIONS, measure_cell, warm

PASSING = (100, 1_000, 10_000, 100_000)


class Table:
    def __init__(self, conninfo, matrix, names, rows, seed):
        connect = asking.connector(conninfo)
        self.rows, self.corpus, self.connection, self.ours = rows, corpora.load(matrix, names, rows, seed), connect(), contenders.all_of(connect)[0]
        warm(self.corpus, self.connection, [self.ours])

    def measure(self, passing, relation, count, seed):
        """Median rows that pass and milliseconds, and the mean recall."""
        random = numpy.random.default_rng([seed, passing, RELATIONS.index(relation)])
        kept, recalls, times, short = measure_cell(self.corpus, self.connection, [self.ours], passing / self.rows, relation, None, count, random)
        if short > 0:
            raise SystemExit(f"{short} short answers")
        return numpy.median(kept), numpy.median(times[self.ours.name]), numpy.mean(recalls[self.ours.name])


def main():
    parser = argparse.ArgumentParser()
    for name in ("--matrix", "--names"):
        parser.add_argument(name, required=True)
    for name in ("--small", "--large"):
        parser.add_argument(name, nargs=2, required=True, metavar=("CONNINFO", "ROWS"))
    parser.add_argument("--seed", type=int, default=7, help="of the rows")
    parser.add_argument("--question-seed", type=int, default=2026, help="of the questions; settings were tuned on 7, so report others")
    parser.add_argument("--questions", type=int, default=20, help="of each cell")
    arguments = parser.parse_args()
    small, large = (Table(conninfo, arguments.matrix, arguments.names, int(rows), arguments.seed) for conninfo, rows in (arguments.small, arguments.large))
    print(f"| rows passing | look and place | of {small.rows:,}: recall, ms | of {large.rows:,}: recall, ms | growth |\n|" + " --- |" * 5)
    for passing in PASSING:
        for relation in RELATIONS:
            if passing >= small.rows and relation != "uncorrelated":
                continue
            (_, before, recall_before), (kept, after, recall_after) = (table.measure(passing, relation, arguments.questions, arguments.question_seed) for table in (small, large))
            print(f"| {int(kept):,} | {relation} | {recall_before:.3f}, {before:.2f} | {recall_after:.3f}, {after:.2f} | {after / before:.2f} |", flush=True)


if __name__ == "__main__":
    main()
