#!/usr/bin/env python3
"""How Tilescout's searches grow with the table: the same numbers of rows pass in a small one and in a large one, both filled before (run.py, alone.py --fill).

All questions of a cell are asked once before they are measured: else the small table is in the server's memory, and of the large one what no question before has read is not."""
import numpy

import asking
import corpus as corpora
from alone import Alone
from run import RELATIONS

PASSING = (100, 1_000, 10_000, 50_000, 100_000)
# An area that holds all but some tiles of a table, and none.
ALMOST_ALL, ALL = 0.9999, 1


def main():
    parser = asking.parser((20, "of each cell"))
    parser.add_argument("--large", nargs=2, required=True, metavar=("CONNINFO", "ROWS"), help="the large table; --conninfo and --rows are of the small one")
    arguments = parser.parse_args()
    tables = [Alone(conninfo, corpora.load(arguments.matrix, arguments.names, int(rows), arguments.seed))
              for conninfo, rows in ((arguments.conninfo, arguments.rows), arguments.large)]
    rows = [len(table.corpus.vectors) for table in tables]
    print(f"| rows passing | look and place | of {rows[0]:,}: recall, ms | of {rows[1]:,}: recall, ms | growth |\n|" + " --- |" * 5)
    cells = [(passing, relation, ALMOST_ALL) for passing in PASSING for relation in RELATIONS]
    for passing, relation, most in [*cells, (rows[0], "uncorrelated", ALL)]:
        told, p50 = [], []
        for table, own in zip(tables, rows):
            share = min(passing / own, most)
            random = numpy.random.default_rng([arguments.question_seed, passing, RELATIONS.index(relation)])
            kept, recalls, times = table.measure(share, relation, None, arguments.questions, random, asked_before=True)
            p50.append(numpy.median(times))
            told.append(f"{numpy.mean(recalls):.3f}, {p50[-1]:.2f}" + (", no area" if share == ALL else ""))
        print(f"| {int(numpy.median(kept)):,} | {relation} | {told[0]} | {told[1]} | {p50[1] / p50[0]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
