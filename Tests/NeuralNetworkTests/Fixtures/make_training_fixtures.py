#!/usr/bin/env python3
"""Makes <network>-gradients.tsv: PyTorch's gradients of seeded networks with frozen batch norms, two numbers for each tensor;
and <network>-batch-gradients.tsv: with norms by the batch's statistics, and the running statistics after it, in double
precision: in float32 PyTorch is 0.13 % off itself, for few values stand behind each statistic.

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


def probed(name, tensor):
    values = tensor.double().contiguous().flatten()
    probe = torch.from_numpy(hash_uniform(f"probe {name}", values.numel())).double()
    return f"{name}\t{values.norm():.9g}\t{values @ probe:.9g}\n"


def write(name, model, features, side=64, batch=3):
    dtype = next(model.parameters()).dtype
    out = features(images("input", batch, 3, side).to(dtype))
    (out * images("noise", batch, out.shape[1], out.shape[2]).to(dtype)).sum().backward()
    with open(here / f"{name}-gradients.tsv", "w") as file:
        for parameter, tensor in model.named_parameters():
            if tensor.grad is None:  # the classifier
                continue
            file.write(probed(parameter, tensor.grad))
        norms = [(n, m) for n, m in model.named_modules() if isinstance(m, torch.nn.BatchNorm2d) and m.training]
        for norm, module in norms:
            file.write(probed(f"{norm}.running_mean", module.running_mean))
            file.write(probed(f"{norm}.running_var", module.running_var))


def training_norms(model):
    """The norms alone in training mode: no dropped paths."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.train()
            module.momentum = 0.1
    return model.double()


lite = seeded(EfficientNet.from_name("efficientnet-lite0"))
write("lite0", lite, lite.extract_features)
lite = training_norms(seeded(EfficientNet.from_name("efficientnet-lite0")))
write("lite0-batch", lite, lite.extract_features)
residual = seeded(torchvision.models.resnet18(weights=None))
write("resnet18", residual, torch.nn.Sequential(*list(residual.children())[:-2]))
residual = training_norms(seeded(torchvision.models.resnet18(weights=None)))
write("resnet18-batch", residual, torch.nn.Sequential(*list(residual.children())[:-2]))
