"""What the benchmarks of search begin with: their options, and sessions as they are asked in."""
import argparse

import psycopg


def parser(questions=None, rows=100_000, required=()):
    """Of a corpus, the database that holds it, and what is asked. questions: how many, unless it is said otherwise, and of what."""
    parser = argparse.ArgumentParser()
    for name in ("--conninfo", "--matrix", "--names", *required):
        parser.add_argument(name, required=True)
    parser.add_argument("--rows", type=int, default=rows)
    parser.add_argument("--seed", type=int, default=7, help="of the rows")
    parser.add_argument("--question-seed", type=int, default=2026, help="of the questions; settings were tuned on 7, so report others")
    if questions:
        parser.add_argument("--questions", type=int, default=questions[0], help=questions[1])
    return parser


def connector(conninfo):
    """A function that opens a session, planned and run as a service's short searches are: in one process, without compiling."""
    def connect():
        connection = psycopg.connect(conninfo, autocommit=True, prepare_threshold=None)
        connection.execute("SET jit = off; SET max_parallel_workers_per_gather = 0")
        return connection

    return connect
