#!/usr/bin/env python3
"""How Tilescout's searches grow with the table: the same numbers of rows pass in a small one and in a large one, both filled before (run.py, alone.py --fill).

All questions of a cell are asked once before they are measured: else the small table is in the server's memory, and of the large one what no question before has read is not. Then the
tables take turns, so that whatever else the machine does slows down both."""
import numpy

import asking
import corpus as corpora
from alone import Alone
from run import Asked, RELATIONS

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
        shares = [min(passing / own, most) for own in rows]
        asked = []
        for table, share in zip(tables, shares):
            random = numpy.random.default_rng([arguments.question_seed, passing, RELATIONS.index(relation)])
            asked.append([Asked(table.corpus, table.connection, share, relation, None, random) for _ in range(arguments.questions)])
        for table, questions in zip(tables, asked):
            for question in questions:
                question.put_to(table.ours)
        measured = [[question.measure(table.ours, table.corpus) for table, question in zip(tables, pair)] for pair in zip(*asked)]
        recalls, times, short = numpy.array(measured, float).transpose(2, 1, 0)
        if short.any():
            raise SystemExit(f"{int(short.sum())} short answers")
        p50 = numpy.median(times, axis=1)
        told = [f"{recall.mean():.3f}, {time:.2f}" + (", no area" if share == ALL else "") for recall, time, share in zip(recalls, p50, shares)]
        print(f"| {int(numpy.median([question.passing for question in asked[1]])):,} | {relation} | {told[0]} | {told[1]} | {p50[1] / p50[0]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
