#!/usr/bin/env python3
"""Retrieval metrics, PCA whitening and query expansion, by NumPy and scikit-learn.

    python3 -m venv venv && venv/bin/pip install numpy scikit-learn
    venv/bin/python make_retrieval_fixtures.py     # writes retrieval.json and descriptors.json beside itself

Nothing here follows the Swift code: rankings are full stable sorts, AP is scikit-learn's where no two similarities tie.
"""
import json
import pathlib

import numpy as np
from sklearn.decomposition import PCA
from sklearn.metrics import average_precision_score, confusion_matrix
from sklearn.neighbors import KNeighborsClassifier

PRECISION, RECALL = [5, 10, 20, 50, 100], [1, 2, 4, 8]


def unit(x):
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 0)


def evaluate(queries, query_labels, gallery, gallery_labels, excluded, ties):
    similarities = unit(queries.astype(np.float64)) @ unit(gallery.astype(np.float64)).T
    if ties:  # small integers on a shared length: equal up to rounding must be equal
        similarities = np.round(similarities, 9)
    rows = []
    for q, label in enumerate(query_labels):
        keep = np.ones(len(gallery), bool)
        if excluded is not None:
            keep[excluded[q]] = False
        rows.append(((gallery_labels == label) & keep, keep))
    largest = max(r.sum() for r, _ in rows)
    per_query, nearest = [], []
    for q, (relevant, keep) in enumerate(rows):
        candidates = np.flatnonzero(keep)
        order = candidates[np.argsort(-similarities[q, candidates], kind="stable")]
        hits = relevant[order]
        nearest.append(int(gallery_labels[order[0]]))
        if not hits.any():
            per_query.append(None)
            continue
        if ties:
            ap = np.mean((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits])
        else:
            ap = average_precision_score(relevant[candidates], similarities[q, candidates])
        ng = int(hits.sum())
        reach = min(4 * ng, 2 * largest)
        ranks = np.flatnonzero(hits) + 1.0
        ranks[ranks > reach] = 1.25 * reach
        nmrr = (ranks.mean() - 0.5 * (1 + ng)) / (1.25 * reach - 0.5 * (1 + ng))
        per_query.append(dict(ap=float(ap), nmrr=float(nmrr), precision=[float(hits[:k].sum() / k) for k in PRECISION],
                              recall=[float(hits[:k].any()) for k in RECALL]))

    def means(entries):
        return dict(queries=len(entries), map=float(np.mean([e["ap"] for e in entries])),
                    anmrr=float(np.mean([e["nmrr"] for e in entries])),
                    precision=np.mean([e["precision"] for e in entries], axis=0).tolist(),
                    recall=np.mean([e["recall"] for e in entries], axis=0).tolist())

    found = [e for e in per_query if e]
    classes = sorted({int(l) for l, e in zip(query_labels, per_query) if e})
    labels = sorted(set(query_labels.tolist()) | set(gallery_labels.tolist()))
    return dict(
        overall=means(found),
        perClass=[dict(label=c, scores=means([e for l, e in zip(query_labels, per_query) if e and l == c])) for c in classes],
        averagePrecision=[e["ap"] if e else None for e in per_query],
        confusion=confusion_matrix(query_labels, nearest, labels=labels).flatten().tolist())


def task(name, queries, query_labels, gallery, gallery_labels, excluded=None, ties=False):
    out = dict(name=name, dimension=queries.shape[1], gallery=gallery.flatten().tolist(),
               galleryLabels=gallery_labels.tolist(), leaveOneOut=excluded is not None,
               expected=evaluate(queries, query_labels, gallery, gallery_labels, excluded, ties))
    if excluded is None:
        out |= dict(queries=queries.flatten().tolist(), queryLabels=query_labels.tolist())
        if not ties:
            # 1 neighbour: scikit-learn's vote breaks ties by class, ours by rank; so only k = 1 is comparable.
            knn = KNeighborsClassifier(1, metric="cosine").fit(gallery, gallery_labels)
            out["nearestLabels"] = knn.predict(queries).tolist()
    return out


def clusters(rng, count, classes, dimension, scatter):
    means = rng.normal(size=(classes, dimension))
    labels = rng.integers(0, classes, count) * 3 + 1
    rows = means[(labels - 1) // 3] + scatter * rng.normal(size=(count, dimension))
    return np.round(rows * rng.uniform(0.5, 3, (count, 1)), 4).astype(np.float32), labels


def main():
    here = pathlib.Path(__file__).parent
    rng = np.random.default_rng(20)
    tasks = []
    rows, labels = clusters(rng, 150, 6, 8, 1.0)
    tasks.append(task("leave one out", rows, labels, rows, labels, excluded=np.arange(len(rows))))
    gallery, gallery_labels = clusters(rng, 120, 5, 6, 1.2)
    queries, query_labels = clusters(rng, 30, 6, 6, 1.2)  # one class that the gallery lacks
    tasks.append(task("queries and gallery", queries, query_labels, gallery, gallery_labels))
    integers = rng.integers(-1, 2, (80, 4)).astype(np.float32)  # many duplicates and zero rows
    tasks.append(task("ties", integers, rng.integers(0, 4, 80), integers, rng.integers(0, 4, 80), ties=True))
    (here / "retrieval.json").write_text(json.dumps(tasks, separators=(",", ":")) + "\n")

    x, _ = clusters(rng, 60, 4, 7, 0.7)
    x64 = x.astype(np.float64)
    pca = PCA(n_components=5, whiten=True, svd_solver="full").fit(x64)
    signs = np.sign(pca.components_[np.arange(5), np.abs(pca.components_).argmax(axis=1)])
    s = unit(x64) @ unit(x64).T
    expanded = []
    for q in range(10):
        order = [i for i in np.argsort(-s[q], kind="stable") if i != q][:4]
        total = unit(x64)[q] + sum(max(0.0, s[q, i]) ** 3.0 * unit(x64)[i] for i in order)
        expanded.append(total / np.linalg.norm(total))
    (here / "descriptors.json").write_text(json.dumps(dict(
        rows=len(x), columns=x.shape[1], descriptors=x.flatten().tolist(),
        whitened=(pca.transform(x64) * signs).flatten().tolist(), variances=pca.explained_variance_.tolist(),
        expansionNeighbours=4, expansionAlpha=3, expanded=np.array(expanded).flatten().tolist()),
        separators=(",", ":")) + "\n")


main()
