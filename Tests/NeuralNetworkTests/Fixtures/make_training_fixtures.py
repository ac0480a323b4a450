#!/usr/bin/env python3
"""Makes <network>-gradients.tsv: PyTorch's gradients of seeded networks with frozen batch norms, two numbers for each tensor.

    pip install torch torchvision efficientnet-lite-pytorch
    make_training_fixtures.py

The loss is the sum of the last feature map times noise; the numbers are the gradient's length and its product with noise.
"""
import pathlib

import numpy as np
import torch
import torchvision
from efficientnet_lite_pytorch import EfficientNet

here = pathlib.Path(__file__).parent


def hash_uniform(name, count):
    """Uniform in [-1, 1): splitmix64 of the FNV-1a hash of the name plus the index; SeededWeights.swift has the same."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(40)).astype(np.float32) / np.float32(2**23) - np.float32(1)).astype(np.float32)


def seeded(model):
    state = model.state_dict()
    for name, tensor in state.items():
        if name.endswith("num_batches_tracked"):
            continue
        u = hash_uniform(name, tensor.numel()).reshape(tensor.shape)
        if tensor.dim() > 1:
            u = u * np.float32(np.sqrt(np.float32(3.0) / np.float32(tensor[0].numel())))
        elif name.endswith("running_var") or name.endswith("weight"):
            u = np.float32(1) + np.float32(0.5) * u
        else:
            u = np.float32(0.1) * u
        state[name] = torch.from_numpy(u)
    model.load_state_dict(state)
    return model.eval()


def images(name, batch, channels, side):
    """Noise in channels-last order, as the network's tensors are laid out."""
    values = hash_uniform(name, batch * channels * side * side)
    return torch.from_numpy(values.reshape(batch, side, side, channels).transpose(0, 3, 1, 2).copy())


def write(name, model, features, side=64, batch=3):
    out = features(images("input", batch, 3, side))
    (out * images("noise", batch, out.shape[1], out.shape[2])).sum().backward()
    with open(here / f"{name}-gradients.tsv", "w") as file:
        for parameter, tensor in model.named_parameters():
            if tensor.grad is None:  # the classifier
                continue
            gradient = tensor.grad.double().contiguous().flatten()
            probe = torch.from_numpy(hash_uniform(f"probe {parameter}", gradient.numel())).double()
            file.write(f"{parameter}\t{gradient.norm():.9g}\t{gradient @ probe:.9g}\n")


lite = seeded(EfficientNet.from_name("efficientnet-lite0"))
write("lite0", lite, lite.extract_features)
residual = seeded(torchvision.models.resnet18(weights=None))
write("resnet18", residual, torch.nn.Sequential(*list(residual.children())[:-2]))
