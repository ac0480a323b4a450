#!/usr/bin/env python3
"""Mean average precision by NumPy alone, of vectors as `tilescout embed` writes them, in float32 and as the store keeps them.

    tilescout embed DATASET --model MODEL --out tiles.npy
    retrieval_check.py tiles.npy tiles.ids.txt [SPLIT.csv]

With a split only its test images query and are queried. The class is the name of an image's folder.
"""
import csv
import pathlib
import sys

import numpy as np


def mean_average_precision(vectors, labels):
    vectors = vectors.astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    similarities = vectors @ vectors.T
    np.fill_diagonal(similarities, -np.inf)
    precisions = []
    for row, label in zip(similarities, labels):
        relevant = (labels[np.argsort(-row, kind="stable")[:-1]] == label)
        ranks = np.flatnonzero(relevant) + 1
        precisions.append(np.mean(np.arange(1, len(ranks) + 1) / ranks))
    return np.mean(precisions)


vectors = np.load(sys.argv[1])
paths = [pathlib.Path(line.split("\t")[-1]) for line in pathlib.Path(sys.argv[2]).read_text().splitlines()]
if len(sys.argv) > 3:
    with open(sys.argv[3], newline="") as file:
        test = {row["path"] for row in csv.DictReader(file) if row["split"] == "test"}
    kept = [i for i, path in enumerate(paths) if f"{path.parent.name}/{path.name}" in test]
    vectors, paths = vectors[kept], [paths[i] for i in kept]
labels = np.array([path.parent.name for path in paths])
print(f"{len(labels)} images: mAP {mean_average_precision(vectors, labels):.4f} in float32, "
      f"{mean_average_precision(vectors.astype(np.float16), labels):.4f} in half precision")
