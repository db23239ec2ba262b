"""KID: do two *sets* of pictures look alike, in the eyes of a network that knows flowers?

    network, card = load_features()                      # ships with the course, works offline
    real, fake = embed(network, photos), embed(network, painted)
    mean, low, high = kid(real, fake)

KID (Bińkowski et al. 2018) usually looks through Inception's eyes. Ours are those of `FlowerNet`, a small classifier
trained on the official train and val photos, never on test: no number of any paper can be compared with these.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .backstage.checks import check, check_array, check_whole
from .inference import WEIGHTS, load_network
from .models import double_conv

__all__ = ["FlowerNet", "accuracy", "embed", "kid", "kid_blocks", "load_features", "mean_interval", "mmd2"]

# In a folder of its own, so that `pretrained_names` does not take it for a colorizer.
FEATURES = WEIGHTS / "features" / "flowernet-64.safetensors"
SIZE = 64  # pixels: pictures of another size are scaled to this one first


def polynomial_kernel(x: Tensor, y: Tensor) -> Tensor:
    """(x · y / d + 1)³ of each pair, (m, d) and (n, d) -> (m, n) (Bińkowski et al. 2018, section 4)."""
    return (x @ y.T / x.shape[1] + 1) ** 3


def mmd2(x: Tensor, y: Tensor) -> float:
    """The squared maximum mean discrepancy of two sets, unbiased (Gretton et al. 2012, eq. 3). Built in chapter 6.

    x, y: features float (m, d) and (n, d), two *independent* draws of at least 2 each. It is 0 on average when both
    come from the same distribution, so a single estimate may be negative. Raises ValueError for other shapes and NaN,
    TypeError for other numbers.
    """
    check("mmd2", "floats", x=(x, "..."), y=(y, "..."))
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or min(len(x), len(y)) < 2:
        raise ValueError(f"want two sets of at least 2 features (m, d) and (n, d), not {x.shape} and {y.shape}")

    def within(z: Tensor) -> Tensor:
        k = polynomial_kernel(z, z)
        return (k.sum() - k.trace()) / (len(z) * (len(z) - 1))  # without the pairs of a picture with itself

    if not (x.isfinite().all() and y.isfinite().all()):
        raise ValueError("mmd2 wants numbers for x and y: some are NaN or infinite")
    x, y = x.double(), y.double()
    return float(within(x) + within(y) - 2 * polynomial_kernel(x, y).mean())


def kid_blocks(real: Tensor, fake: Tensor, blocks: int = 10, seed: int = 0) -> np.ndarray:
    """`mmd2` of disjoint blocks of both sets, float64 (blocks,): so many independent estimates of the same number.

    real, fake: features (m, d) and (n, d) of *different* photos. seed: shuffles both sets first, equally for all sets
    of one length, so that two painters can be compared block by block. ValueError for a block of fewer than 2.
    """
    check("kid_blocks", "floats", real=(real, "m d"), fake=(fake, "n d"))
    check_whole("kid_blocks", 1, blocks=blocks)
    if min(len(real), len(fake)) < 2 * blocks:
        raise ValueError(f"{blocks} blocks of at least 2 cannot be cut from {len(real)} and {len(fake)} pictures")
    parts = (z[np.random.default_rng(seed).permutation(len(z))].tensor_split(blocks) for z in (real, fake))
    return np.array([mmd2(x, y) for x, y in zip(*parts, strict=True)])


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """(mean, low, high): the 95 % t interval of the mean of a few independent numbers, at least 2, or a ValueError."""
    from scipy.stats import t

    values = check_array("mean_interval", "values", values)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"an interval needs at least 2 numbers (N,), not {values.shape}")
    mean, half = np.mean(values), t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
    return float(mean), float(mean - half), float(mean + half)


def kid(real: Tensor, fake: Tensor, blocks: int = 10, seed: int = 0) -> tuple[float, float, float]:
    """Kernel Inception Distance: (mean, low, high), the 95 % interval over at least 2 blocks. See `kid_blocks`.

    Because each block's estimate is unbiased, so is their mean; FID has no such freedom.
    """
    return mean_interval(kid_blocks(real, fake, blocks, seed))


class FlowerNet(nn.Module):
    """A small classifier of flowers. What it sees before it decides is what KID compares.

    forward(rgb): uint8, or float 0 to 1, (N, 3, H, W) -> logits (N, classes). It sees color: it is trained without
    color jitter. `features(rgb)` -> (N, 128), 0 or more each, the layer before the last. Use `.eval()`.
    Raises TypeError for other numbers, ValueError for another shape.
    """

    def __init__(self, classes: int = 102, width: int = 32, features: int = 128):
        super().__init__()
        self.config = {"classes": classes, "width": width, "features": features}
        channels = [width, width, 2 * width, 4 * width, 6 * width]
        self.stem = nn.Conv2d(3, width, 5, stride=2, padding=2)
        self.blocks = nn.ModuleList(double_conv(a, b) for a, b in zip(channels[:-1], channels[1:], strict=True))
        last = nn.Linear(channels[-1], features, bias=False)
        self.squeeze = nn.Sequential(last, nn.BatchNorm1d(features), nn.ReLU(inplace=True))
        self.head = nn.Linear(features, classes)

    def features(self, rgb: Tensor) -> Tensor:
        check("a FlowerNet", "uint8 or floats", rgb=(rgb, "N 3 H W"))
        x = rgb.float() / 255 if rgb.dtype == torch.uint8 else rgb.to(self.stem.weight)
        x = self.stem(2 * x - 1)
        for level, block in enumerate(self.blocks):
            x = block(F.max_pool2d(x, 2) if level else x)
        return self.squeeze(x.mean((2, 3)))

    def forward(self, rgb: Tensor) -> Tensor:
        return self.head(F.dropout(self.features(rgb), 0.3, self.training))


def load_features(path: str | Path = FEATURES) -> tuple[FlowerNet, dict]:
    """The shipped `FlowerNet`, in eval mode and float32, and its JSON card.

    Raises FileNotFoundError when there is none, ValueError when the file is no such network.
    """
    return load_network(path, "feature network", FlowerNet)


@torch.no_grad()
def embed(network: FlowerNet, images: Tensor, batch_size: int = 64) -> Tensor:
    """Features of pictures: uint8 (N, 3, H, W) -> float32 (N, 128). Other sizes are scaled to 64 px first.

    Raises TypeError for other numbers, ValueError for another shape, no pictures, or a batch_size below 1.
    """
    check("embed", "uint8", images=(images, "N 3 H W"))
    check_whole("embed", 1, batch_size=batch_size)
    device, training, out = network.head.weight.device, network.training, []
    network.eval()
    for some in (part.to(device) for part in images.split(batch_size)):
        if some.shape[-2:] != (SIZE, SIZE):
            some = F.interpolate(some.float() / 255, (SIZE, SIZE), mode="bilinear", antialias=True)
        out.append(network.features(some).cpu())
    network.train(training)
    return torch.cat(out)


@torch.no_grad()
def accuracy(network: FlowerNet, images: Tensor, labels: Tensor, batch_size: int = 64) -> float:
    """Share of pictures uint8 (N, 3, H, W) whose category, int64 (N,), the network names first. Errors: as `embed`."""
    logits = network.head(embed(network, images, batch_size).to(network.head.weight.device)).cpu()
    check("accuracy", "whole numbers", labels=(labels, str(len(logits))))
    return (logits.argmax(1) == labels).double().mean().item()
