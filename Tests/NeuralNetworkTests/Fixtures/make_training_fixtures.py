#!/usr/bin/env python3
"""Makes <network>-gradients.tsv: PyTorch's gradients of seeded networks with frozen batch norms, two numbers for each tensor.

    pip install torch torchvision efficientnet-lite-pytorch
    make_training_fixtures.py

The loss is the sum of the last feature map times noise; the numbers are the gradient's length and its product with noise.
"""
import pathlib

import torch
import torchvision
from efficientnet_lite_pytorch import EfficientNet
from seeded_network import hash_uniform, seeded

here = pathlib.Path(__file__).parent


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
