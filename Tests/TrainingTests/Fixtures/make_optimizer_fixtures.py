#!/usr/bin/env python3
"""Makes optimizers.json: ten steps of PyTorch's SGD and AdamW on given gradients, the learning rate falling as it goes.

    pip install torch
    make_optimizer_fixtures.py
"""
import json
import math
import pathlib

import torch

STEPS, SIZE, DECAY = 10, 7, 0.05
start = [math.sin(3 * i + 1) for i in range(SIZE)]
gradients = [[math.cos(5 * step + 2 * i) * (0.1 + i) for i in range(SIZE)] for step in range(STEPS)]
rates = [0.05 * (1 - step / STEPS) for step in range(STEPS)]


def run(make):
    weight = torch.nn.Parameter(torch.tensor(start))
    optimizer = make([weight])
    for gradient, rate in zip(gradients, rates):
        for group in optimizer.param_groups:
            group["lr"] = rate
        weight.grad = torch.tensor(gradient)
        optimizer.step()
    return weight.tolist()


pathlib.Path(__file__).with_name("optimizers.json").write_text(json.dumps({
    "start": start, "gradients": gradients, "rates": rates, "decay": DECAY,
    "sgd": run(lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=DECAY)),
    "adamw": run(lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=DECAY)),
}, indent=1) + "\n")
