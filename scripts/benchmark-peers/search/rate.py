#!/usr/bin/env python3
"""Searches a second of one and two clients beside plain pgvector's three ways, in a database that run.py has filled.

Each way answers the same questions for some seconds, several times over, in turns; the median counts. Its recall stands in the table of run.py."""
import multiprocessing
import time

import numpy

import asking
import contenders
import corpus as corpora
from questions import ask
from run import area_of

SHARES = (0.001, 0.01, 0.1, 1.0)
# The setting of the iterative scan that has reached recall 0.99 in most cells of a share above 3 %.
WAYS = ("tilescout", "planner's own", "exact", "iterative ef 100, 20 k")
ROUNDS = 3


def client(conninfo, way, questions, seconds, start, answers):
    ours, planner, exact, iterative = contenders.all_of(asking.connector(conninfo))
    asked = next(c for c in (ours, planner, exact, *iterative) if c.name == way)
    for area, vector in questions[:8]:
        asked.ask(area, vector, None)
    start.wait()
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        area, vector = questions[count % len(questions)]
        asked.ask(area, vector, None)
        count += 1
    answers.put(count)


def measure(conninfo, way, questions, seconds, clients):
    """Answers a second, of all clients together."""
    start, answers = multiprocessing.Barrier(clients), multiprocessing.Queue()
    processes = [multiprocessing.Process(target=client, args=(conninfo, way, questions, seconds, start, answers)) for _ in range(clients)]
    for process in processes:
        process.start()
    rate = sum(answers.get() for _ in processes) / seconds
    for process in processes:
        process.join()
    return rate


def main():
    parser = asking.parser()
    parser.add_argument("--seconds", type=float, default=1.5)
    arguments = parser.parse_args()
    corpus = corpora.load(arguments.matrix, arguments.names, arguments.rows, arguments.seed)
    connection = asking.connector(arguments.conninfo)()
    print("| kept | " + " | ".join(f"{way}: 1, 2 clients" for way in WAYS) + " |\n|" + " --- |" * (len(WAYS) + 1))
    for share in SHARES:
        random = numpy.random.default_rng([arguments.question_seed, int(share * 1e6)])
        questions = []
        for _ in range(40):
            question = ask(corpus, share, "uncorrelated", random)
            questions.append((area_of(connection, question.ring), contenders.text(question.vector)))
        cells = [(way, clients) for way in WAYS for clients in (1, 2)]
        rates = {cell: [] for cell in cells}
        for _ in range(ROUNDS):
            for cell in random.permutation(len(cells)):
                way, clients = cells[cell]
                rates[cells[cell]].append(measure(arguments.conninfo, way, questions, arguments.seconds, clients))
        row = [", ".join(f"{numpy.median(rates[way, clients]):,.0f}" for clients in (1, 2)) for way in WAYS]
        print(f"| {share * 100:g} % | " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
