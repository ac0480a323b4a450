"""Weights out of a hash, for networks whose outputs are recorded; SeededWeights.swift has the same."""
import numpy as np
import torch


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
