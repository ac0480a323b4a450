#!/usr/bin/env python3
"""Values and gradients of the rival losses, by pytorch-metric-learning in fp64.

    python3 -m venv venv && venv/bin/pip install torch pytorch-metric-learning==2.9.0
    venv/bin/python make_loss_fixtures.py     # writes losses.json beside itself
"""
import json
import pathlib

import torch
from pytorch_metric_learning import distances, losses, miners, reducers

torch.set_default_dtype(torch.float64)
BATCHES = [(4, 4, 6, 1), (3, 5, 8, 2), (6, 3, 4, 3)]  # classes, images, dimension, seed

DISTANCES = {
    "euclidean": lambda: distances.LpDistance(normalize_embeddings=True, p=2, power=1),
    "squaredEuclidean": lambda: distances.LpDistance(normalize_embeddings=True, p=2, power=2),
    "cosineSimilarity": lambda: distances.CosineSimilarity(),
}
REDUCERS = {"mean": reducers.MeanReducer, "meanOfNonZero": reducers.AvgNonZeroReducer}


def cases():
    for measure, distance in DISTANCES.items():
        inverted = measure == "cosineSimilarity"
        for reducer, make in REDUCERS.items():
            margins = dict(pos_margin=0.9, neg_margin=0.2) if inverted else dict(pos_margin=0.2, neg_margin=1.3)
            yield dict(loss="contrastive", measure=measure, reducer=reducer, positiveMargin=margins["pos_margin"],
                       negativeMargin=margins["neg_margin"]), \
                losses.ContrastiveLoss(**margins, distance=distance(), reducer=make()), None
        for mining in ["all", "semiHard", "batchHard"]:
            miner = {"all": None,
                     "semiHard": miners.TripletMarginMiner(margin=0.3, type_of_triplets="semihard", distance=distance()),
                     "batchHard": miners.BatchHardMiner(distance=distance())}[mining]
            yield dict(loss="triplet", measure=measure, reducer="meanOfNonZero", mining=mining, margin=0.3), \
                losses.TripletMarginLoss(margin=0.3, distance=distance()), miner
    for temperature in [0, 10]:
        yield dict(loss="rankedList", alpha=1.2, margin=0.4, balance=0.5, positiveTemperature=temperature / 5,
                   negativeTemperature=temperature), \
            losses.RankedListLoss(margin=0.4, Tn=temperature, imbalance=0.5, alpha=1.2, Tp=temperature / 5), None
    for mining in ["all", "multiSimilarity"]:
        miner = miners.MultiSimilarityMiner(epsilon=0.1) if mining == "multiSimilarity" else None
        yield dict(loss="multiSimilarity", alpha=2, beta=50, base=0.5, mining=mining), \
            losses.MultiSimilarityLoss(alpha=2, beta=50, base=0.5), miner


def main():
    batches = []
    for classes, images, dimension, seed in BATCHES:
        torch.manual_seed(seed)
        means = torch.randn(classes, 1, dimension)
        z = (means + 0.8 * torch.randn(classes, images, dimension)).reshape(-1, dimension)
        z = z * (0.5 + 2 * torch.rand(len(z), 1))
        labels = torch.arange(classes).repeat_interleave(images)
        order = torch.randperm(len(z))
        z, labels = z[order], labels[order]
        entries = []
        for settings, loss, miner in cases():
            parameter = z.clone().requires_grad_()
            mined = miner(parameter, labels) if miner else None
            value = loss(parameter, labels, mined) if miner else loss(parameter, labels)
            value.backward()
            entries.append(dict(settings=settings, value=value.item(), gradient=parameter.grad.flatten().tolist()))
        batches.append(dict(rows=len(z), columns=dimension, descriptors=z.flatten().tolist(), labels=labels.tolist(),
                            cases=entries))
    path = pathlib.Path(__file__).with_name("losses.json")
    path.write_text(json.dumps(batches, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size, "bytes;", sum(len(b["cases"]) for b in batches), "cases")


main()
