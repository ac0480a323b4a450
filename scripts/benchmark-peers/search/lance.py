#!/usr/bin/env python3
"""LanceDB on the same rows as Tilescout, in one run: recall@10 and time of searches inside polygons. For a database that run.py has filled.

LanceDB filters by columns: the best spatial filter it offers is the box of the area, over indexed columns, before the vector search. The outline
is then tested by shapely (prepared), on more and more of the nearest until ten have passed. Vectors: its HNSW over 8-bit scalars with exact re-ranking, in two
settings, and its flat (exact) search."""
import json
import pathlib
import shutil
import time

import lancedb
import numpy
import pyarrow
import shapely
from lancedb.index import HnswSq

import asking
import contenders
import corpus as corpora
import database
import report
from questions import ask
from run import RELATIONS, area_of, recall, truth, warm

COLUMNS = ("west", "south")


def build(folder, corpus):
    shutil.rmtree(folder, ignore_errors=True)
    vectors = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(numpy.asarray(corpus.vectors).ravel()), corpora.DIMENSION)
    rows = pyarrow.table({"number": numpy.arange(len(corpus.west)), "west": corpus.west, "south": corpus.south, "vector": vectors})
    table = lancedb.connect(folder).create_table("tiles", rows)
    started = time.perf_counter()
    table.create_index("vector", config=HnswSq(distance_type="cosine", num_partitions=max(1, len(corpus.west) // 100_000)))
    seconds = time.perf_counter() - started
    for column in COLUMNS:
        table.create_scalar_index(column)
    return table, seconds


class Lance:
    def __init__(self, table, corpus, name, **settings):
        self.table, self.corpus, self.name, self.settings = table, corpus, name, settings

    def query(self, vector, where, limit):
        search = self.table.search(vector).distance_type("cosine").select(["number", "_distance"]).limit(limit)
        if where:
            search = search.where(where, prefilter=True)
        if self.settings.get("flat"):
            search = search.bypass_vector_index()
        else:
            search = search.ef(max(self.settings["ef"], limit * self.settings["refine"])).refine_factor(self.settings["refine"])
        return search.to_arrow()["number"].to_numpy()

    def ask(self, area, vector):
        if area is None:
            return list(self.query(vector, None, contenders.K))
        west, south, east, north = area.bounds
        where = f"west <= {east} AND west >= {west - corpora.TILE} AND south <= {north} AND south >= {south - corpora.TILE}"
        shapely.prepare(area)
        limit = 4 * contenders.K
        while True:
            numbers = self.query(vector, where, limit)
            w, s = self.corpus.west[numbers], self.corpus.south[numbers]
            inside = numbers[shapely.intersects(area, shapely.box(w, s, w + corpora.TILE, s + corpora.TILE))]
            if len(inside) >= contenders.K or len(numbers) < limit:
                return list(inside[:contenders.K])
            limit *= 8


def main():
    parser = asking.parser((20, "of each share"), required=["--folder"])
    parser.add_argument("--shares", type=lambda text: [float(x) for x in text.split(",")], default=(0.0001, 0.001, 0.01, 0.03, 0.1, 0.5, 1.0))
    parser.add_argument("--result", type=pathlib.Path, required=True, help="JSON")
    parser.add_argument("--report", type=pathlib.Path, help="the document whose table is replaced")
    arguments = parser.parse_args()
    corpus = corpora.load(arguments.matrix, arguments.names, arguments.rows, arguments.seed)
    table, seconds = build(arguments.folder, corpus)
    print(f"LanceDB {lancedb.__version__}: HNSW built in {seconds:.0f} s", flush=True)

    connect = asking.connector(arguments.conninfo)
    connection = connect()
    ours = contenders.all_of(connect)[0]
    warm(corpus, connection, [ours])
    ways = [Lance(table, corpus, "HNSW, ef 100", ef=100, refine=2), Lance(table, corpus, "HNSW, ef 400", ef=400, refine=4),
            Lance(table, corpus, "flat", flat=True)]
    cells = []
    for share in arguments.shares:
        random = numpy.random.default_rng([arguments.question_seed, int(share * 1e6), 99])
        names = [ours.name] + [way.name for way in ways]
        times, recalls = {n: [] for n in names}, {n: [] for n in names}
        for turn in range(arguments.questions):
            question = ask(corpus, share, RELATIONS[turn % 3] if share < 1 else "uncorrelated", random)
            text = area_of(connection, question.ring)
            shape = shapely.from_wkb(text[:]) if text else None
            _, _, distances = truth(connection, corpus, text, question.vector, None)
            for name in names:
                best = None
                for _ in range(2):
                    started = time.perf_counter()
                    if name == ours.name:
                        found = [database.number_of(i) for i in ours.ask(text, contenders.text(question.vector), None)]
                    else:
                        found = ways[names.index(name) - 1].ask(shape, question.vector)
                    elapsed = (time.perf_counter() - started) * 1000
                    best = elapsed if best is None else min(best, elapsed)
                times[name].append(best)
                recalls[name].append(recall(numpy.array(found, int), corpus, question.vector, distances))
        cell = {"share": share, **{n: [float(numpy.median(times[n])), float(numpy.quantile(times[n], 0.95)), float(numpy.mean(recalls[n]))] for n in names}}
        cells.append(cell)
        print(json.dumps(cell), flush=True)
        result = {"rows": arguments.rows, "version": lancedb.__version__, "build_seconds": seconds, "cells": cells}
        arguments.result.write_text(json.dumps(result, indent=1))
    if arguments.report:
        report.write_lance(result, arguments.report)


if __name__ == "__main__":
    main()
