#!/usr/bin/env python3
"""Runs the benchmarks beside their peers and writes their tables into docs/benchmarks.md. Called by scripts/benchmark."""
import argparse
import contextlib
import importlib.metadata
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

import encoder_peers
import scenes

ROUNDS = 5


def tilescout(arguments, *words, environment=None):
    """What a tilescout command prints as JSON."""
    text = subprocess.run([arguments.tilescout, *words], check=True, capture_output=True, text=True,
                          env={**os.environ, **(environment or {})}).stdout
    return json.loads(text)


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def encoder(arguments):
    best = encoder_peers.measure(
        rounds=ROUNDS, seconds=0.7, ours=f"{arguments.tilescout} bench encoder --model efficientnet-lite0 --rounds 1 --seconds 0.7 "
             "--precision {precision}")
    peers = {}
    for name, rate in best.items():
        key = " ".join(name.split()[:2])
        if rate > peers.get(key, (0, ""))[0]:
            peers[key] = (rate, " ".join(name.split()[2:]))
    ours = peers["tilescout bfloat16"][0]
    rows = [[name, f"{rate:.0f}", how, f"{ours / rate:.2f}"]
            for name, (rate, how) in sorted(peers.items(), key=lambda item: -item[1][0])]
    text = (f"EfficientNet-Lite0 at 224 px, {encoder_peers.THREADS} threads each; the best of each contender's settings over {ROUNDS} interleaved rounds. "
            "Ours starts from 256-px tiles in 8 bits and resizes them; the peers start from ready float tensors. "
            f"Our bfloat16 / our float32: {ours / peers['tilescout float32'][0]:.2f}. {versions('onnxruntime', 'openvino')}.\n\n")
    return text + table(["contender", "tiles/s", "setting", "ours (bfloat16) / theirs"], rows)


def versions(*packages):
    """Of what is measured beside ours."""
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)


def read_windows(path):
    """Seconds that rasterio takes for the windows of a scene."""
    import rasterio
    from pipeline import windows
    with rasterio.open(path) as dataset:
        started = time.perf_counter()
        for window in windows(dataset.width, dataset.height):
            dataset.read(window=window)
        return time.perf_counter() - started


def gdal_version():
    return subprocess.run(["pkg-config", "--modversion", "gdal"], check=True, capture_output=True, text=True).stdout.strip()


def cutting(arguments):
    import rasterio
    rows = []
    for name, path in scenes.make(arguments.earth, arguments.work / "scenes").items():
        ours, theirs, bare = [], [], []
        for _ in range(ROUNDS):
            measured = tilescout(arguments, "bench", "cut", str(path))
            count = measured["tiles"]
            ours.append(measured["seconds"])
            theirs.append(min(read_windows(path) for _ in range(3)))
            bare.append(tilescout(arguments, "bench", "decode", str(path))["seconds"])
        cut, read, decode = map(statistics.median, (ours, theirs, bare))
        rows.append([name, count, f"{count / cut:,.0f}", f"{read / cut:.2f}", f"{cut / decode:.2f}"])
    text = (f"Scenes of {scenes.SIDE[0] * scenes.ENLARGED:,} × {scenes.SIDE[1] * scenes.ENLARGED:,} RGB pixels, in the page cache, one thread, 256-px tiles; medians of {ROUNDS} interleaved "
            "rounds, each the best of three. Ours also makes masks, valid fractions, footprints and ids; rasterio reads the same windows and no more. "
            "“Bare decode” reads every block once and does nothing with it; rasterio brings a GDAL and codecs of its own, "
            f"so in the third column its libraries are beside ours, too. {versions('rasterio')}, GDAL {rasterio.__gdal_version__} in it; ours {gdal_version()}.\n\n")
    return text + table(["layout", "tiles", "tiles/s", "ours / rasterio, speed", "ours / bare decode, time"], rows)


@contextlib.contextmanager
def own_cluster(arguments):
    """An empty private cluster: rows of the user's and of earlier measurements would cost index maintenance."""
    data = arguments.work / "cluster"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    environment = {"TILESCOUT_DATA": str(data), "TILESCOUT_MODELS": f"{os.environ['TILESCOUT_DATA']}/models"}

    def db(word):
        return subprocess.run([arguments.tilescout, "db", word], check=True, capture_output=True, text=True,
                              env={**os.environ, **environment}).stdout.strip()
    db("migrate")
    try:
        yield environment, db("url")
    finally:
        db("stop")
        shutil.rmtree(data, ignore_errors=True)


def peers(folder):
    """How the Python pipeline computes vectors, by name: a network and a runtime, on every core."""
    network = f"{folder}/lite0.onnx"
    encoder_peers.export(network, None)
    session, request = encoder_peers.onnx_session(network, encoder_peers.THREADS), encoder_peers.openvino_request(network, "bf16")
    return {"Python pipeline, ONNX Runtime float32": lambda images: session.run(None, {"x": images})[0],
            "Python pipeline, OpenVINO bfloat16": lambda images: request.infer({0: images})[0].copy()}


def our_ingest(arguments, environment, paths, collection, precision):
    """Tiles a second, the program's start and end included, and its report; the scenes are forgotten again."""
    started = time.perf_counter()
    report = tilescout(arguments, "ingest", *paths, "--collection", collection, "--model", "efficientnet-lite0", "--precision", precision,
                       "--json", "--quiet", environment=environment)
    rate = report["tilesStored"] / (time.perf_counter() - started)
    for scene in tilescout(arguments, "scenes", "--collection", collection, "--json", environment=environment):
        subprocess.run([arguments.tilescout, "forget", str(scene["id"])], check=True, capture_output=True, env={**os.environ, **environment})
    return rate, report


def ingest(arguments):
    import pipeline
    paths = [str(path) for path in scenes.make(arguments.earth, arguments.work / "scenes").values()]
    rates = {}
    with tempfile.TemporaryDirectory() as folder, own_cluster(arguments) as (environment, conninfo):
        ways = peers(folder)
        for number in range(3):
            for precision in ("bfloat16", "float32"):
                rate, report = our_ingest(arguments, environment, paths, f"{precision}-{number}", precision)
                rates.setdefault(f"tilescout ingest, {precision}", []).append(rate)
                if precision == "bfloat16":
                    ours = report
            alone = tilescout(arguments, "bench", "encoder", "--model", "efficientnet-lite0", "--seconds", "2")["tilesPerSecond"]
            rates.setdefault("our encoder alone, bfloat16, the slowest stage", []).append(alone)
            for name, embed in ways.items():
                count, seconds = pipeline.ingest(embed, conninfo, paths)
                assert count == ours["tilesStored"], (count, ours)
                rates.setdefault(name, []).append(count / seconds)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    first = medians["tilescout ingest, bfloat16"]
    text = (f"{ours['tilesStored']:,} tiles of 256 px from four scenes (striped, tiled, DEFLATE, JPEG), hashed, cut, "
            "embedded and stored by the private cluster; medians of 3 interleaved rounds. Ours is timed from outside, from the program's start to its end, "
            "with publishing; the Python pipeline from its first window on, when its network is loaded and its connection is open. That is "
            "`scripts/benchmark-peers/pipeline.py`: rasterio in a thread of its own, psycopg's binary COPY. "
            f"{versions('rasterio', 'onnxruntime', 'openvino', 'psycopg')}.\n\n")
    stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in sorted(ours["busySeconds"].items()))
    return (text + table(["what", "tiles/s", "ours (bfloat16) / it"], [[name, f"{rate:.0f}", f"{first / rate:.2f}"] for name, rate in sorted(medians.items(), key=lambda item: -item[1])])
            + f"\n\nThread-seconds that each stage was busy: {stages}.")


def loading(arguments):
    from copy_peer import Peer
    count, rounds = 100_000, []
    with own_cluster(arguments) as (environment, conninfo):
        peer = None
        for _ in range(ROUNDS):
            measured = tilescout(arguments, "bench", "copy", "--rows", str(count), "--rounds", "1", environment=environment)
            peer = peer or Peer(conninfo, measured["table"])
            rounds.append((measured["rates"][0], count / peer.copy()))
    ours, theirs = (statistics.median(r) for r in zip(*rounds))
    text = (f"{count:,} rows as `tilescout ingest` writes them (256-d halfvec, footprint, geotransform), from objects in memory, vectors in float32, into a table without indexes, by "
            f"binary COPY; medians of {ROUNDS} interleaved rounds. psycopg's C implementation with `write_row`, `set_types` and pgvector's HalfVector; both tables are "
            f"compared row by row. Merging them into the tables that are searched is not in it: “Ingest as a whole” has it. {versions('psycopg')}.\n\n")
    return text + table(["client", "rows/s", "ours / it"], [["tilescout", f"{ours:,.0f}", "1.00"], ["psycopg", f"{theirs:,.0f}", f"{ours / theirs:.2f}"]])


def memory(arguments):
    rows = []
    # A child of its own for each measurement, so that peaks do not mix.
    code = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder, own_cluster(arguments) as (environment, _):
        for side in (15_000, 60_000):
            scene = scenes.make_large(arguments.earth, folder, side)
            # --tile-size 1024: as many pixels, fewer to encode.
            started = time.perf_counter()
            text = subprocess.run(
                ["python3", "-c", code, arguments.tilescout, "ingest", str(scene), "--collection", "memory",
                 "--model", "efficientnet-lite0", "--tile-size", "1024", "--quiet"], check=True, capture_output=True, text=True,
                env={**os.environ, **environment}).stdout
            rows.append([f"{side:,} × {side:,}", f"{int(text) / 1024:.0f}", f"{time.perf_counter() - started:.0f}"])
    text = ("Peak resident memory of `tilescout ingest` on a virtual scene over the whole Earth, tiles of 1,024 px. "
            "The server's own memory is not in it.\n\n")
    return text + table(["pixels", "peak MiB", "seconds"], rows)


def training(arguments):
    import torch
    from training_peer import Step
    torch.set_num_threads(os.cpu_count())
    peers = {"PyTorch": Step(False), "PyTorch, channels last": Step(True)}
    best = {name: 0 for name in [*peers, "tilescout"]}
    for _ in range(3):
        measured = tilescout(arguments, "bench", "training", "--steps", "8")
        best["tilescout"] = max(best["tilescout"], measured["imagesPerSecond"])
        for name, step in peers.items():
            best[name] = max(best[name], max(len(step.images) / step() for _ in range(2)))
    rows = [[name, f"{rate:.1f}", f"{best['tilescout'] / rate:.2f}"] for name, rate in sorted(best.items(), key=lambda i: -i[1])]
    text = ("One step of EfficientNet-Lite0 at 224 px in float32: 36 images, batch norms frozen, a 256-d projection, loss, "
            f"backward, AdamW; PyTorch {torch.__version__.split('+')[0]}, as many threads as cores; the best of 3 interleaved "
            "rounds. Ours augments and resizes 8-bit images and computes DCL; PyTorch starts from ready tensors and computes "
            "batch-hard triplets.\n\n")
    return text + table(["contender", "images/s", "ours / it"], rows)


SECTIONS = {"encoder": ("Encoder", encoder), "cutting": ("Cutting", cutting), "ingest": ("Ingest as a whole", ingest),
            "loading": ("Loading", loading), "memory": ("Memory", memory), "training": ("Training", training)}
PREAMBLE = """# Benchmarks

Rates are ratios against a peer in one run on the same cores; machines are noisy, and absolute figures travel badly.
`scripts/benchmark` measures and writes these tables; `scripts/benchmark cutting` one of them.
"""


def write(report, name, text):
    """Puts one section into the report, the others as they are."""
    path = pathlib.Path(report)
    old = path.read_text() if path.exists() else ""
    bodies = {}
    for key, (title, _) in SECTIONS.items():
        if key == name:
            bodies[key] = text
        elif f"\n## {title}\n" in old:
            bodies[key] = old.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0].strip()
    path.write_text(PREAMBLE + "".join(
        f"\n## {SECTIONS[key][0]}\n\n{body}\n" for key, body in bodies.items()))


def machine():
    with open("/proc/cpuinfo") as file:
        name = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    return f"Measured on {os.cpu_count()} cores of {name}, {time.strftime('%Y-%m-%d')}.\n\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=[*SECTIONS, "all"])
    parser.add_argument("--tilescout", required=True)
    parser.add_argument("--earth", required=True, type=pathlib.Path)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--report", required=True)
    arguments = parser.parse_args()
    for name, (title, measure) in SECTIONS.items():
        if arguments.what in (name, "all"):
            text = machine() + measure(arguments)
            write(arguments.report, name, text)
            print(f"\n## {title}\n\n{text}", flush=True)


if __name__ == "__main__":
    main()
