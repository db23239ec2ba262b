"""Color as classification (Zhang et al. 2016): a U-Net that gives each color of a grid a probability. Chapter 10.

    model = ClassPretrainedUNet.from_imagenet()
    weights = rebalancing(color_prior(photos, model.bins), model.bins)      # rare colors count more
    loss = class_loss(model(L, logits=True), ab, model.bins, weights)       # L (N, 1, H, W), ab (N, 2, H, W), scaled
    ab = model(L)                                                           # the annealed mean
    model.temperature = 0.1                                                 # nearer to the most probable color

A color is ab. The bins are in Lab units, all else is scaled. A recipe with color_kind=classes trains such a network.
Functions raise ValueError for other shapes and ranges, TypeError for other numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .backstage.checks import check, check_values, check_whole
from .color import AB_SCALE, rgb_to_lab, scale_lab
from .models import PretrainedUNet, UNet

__all__ = [
    "ClassPretrainedUNet", "ClassUNet", "ab_bins", "annealed_mean", "class_loss", "color_prior", "raw_accuracy",
    "rebalancing", "sample_ab", "soft_encode",
]  # fmt: skip

CELL, REACH = 2.0, 128.0  # Lab units: of the table in which neighbors are looked up, and how far it reaches
SPARE = 7  # so many more neighbors are looked up for a cell than its colors need


# ------------------------------------------------------------------------------------------ bins and targets


def ab_bins(step: float = 10.0) -> Tensor:
    """The colors to choose from: float (K, 2), Lab units. Source: section 2.1. Built in chapter 10.

    The ab plane is cut into squares of this step, 5 to 60, around (0, 0). A bin is the middle of a square that holds at
    least one of the 16.8 million colors of 8-bit sRGB: 261 of a step of 10.
    """
    if not 5 <= step <= 60:
        raise ValueError(f"ab_bins wants a step from 5 to 60 Lab units, not {step}")
    return _bins(float(step)).clone()


@lru_cache
def _bins(step: float) -> Tensor:
    side = int(REACH / step)
    seen = torch.zeros(2 * side + 1, 2 * side + 1, dtype=torch.bool)
    one, two = torch.meshgrid(*[torch.arange(256, dtype=torch.uint8)] * 2, indexing="ij")
    # The surface of the RGB cube is enough: from any color inside, a change of L alone leads to a color there.
    for lit in (0, 255):
        face = torch.stack([torch.full_like(one, lit), one, two])
        for turn in range(3):
            a, b = (rgb_to_lab(face.roll(turn, 0))[1:] / step).round().long() + side
            seen[a, b] = True
    return (seen.nonzero() - side) * step


@lru_cache(maxsize=8)
def _neighbors(bins: tuple, count: int, device: torch.device) -> Tensor:
    """(cells, cells, count): for each cell of the ab plane the bins nearest to its middle."""
    bins, line = torch.tensor(bins), torch.arange(-REACH, REACH, CELL) + CELL / 2
    if not 2 < bins.abs().max() < REACH:  # so, too, if one is NaN
        raise ValueError(f"bins in Lab units are wanted, as ab_bins gives them, not up to {bins.abs().max():g}")
    distance = torch.cdist(torch.cartesian_prod(line, line), bins)
    return distance.topk(count, largest=False).indices.view(len(line), len(line), count).to(device)


def soft_encode(ab: Tensor, bins: Tensor, neighbors: int = 5, sigma: float = 5.0) -> tuple[Tensor, Tensor]:
    """Share each color among the bins nearest to it, by a Gaussian of the distance. Section 2.1. Built in chapter 10.

    ab: scaled (N, 2, h, w). bins: (K, 2), Lab units. sigma: Lab units.
    Returns index: int64 (N, neighbors, h, w), nearest first; share: float of the same shape, summing to 1 over them.
    """
    check("soft_encode", "floats", ab=(ab, "N 2 h w"), bins=(bins, "K 2"))
    check_whole("soft_encode", 1, len(bins), neighbors=neighbors)
    ab = ab.detach().float().movedim(1, -1) * AB_SCALE
    # Not all K distances of each pixel: a table knows the few bins that can be nearest.
    table = _neighbors(tuple(map(tuple, bins.tolist())), min(neighbors + SPARE, len(bins)), ab.device)
    a, b = ((ab + REACH) / CELL).long().clamp(0, len(table) - 1).unbind(-1)
    index = table[a, b]
    squares, nearest = (ab[..., None, :] - bins[index]).square().sum(-1).topk(neighbors, largest=False)
    share = (-squares / (2 * sigma**2)).softmax(-1)  # exp, divided by its sum
    return index.gather(-1, nearest).movedim(-1, 1), share.movedim(-1, 1)


def color_prior(photos, bins: Tensor) -> Tensor:
    """How often each bin is the nearest in photos: float (K,), summing to 1. Section 2.2. Built in chapter 10.

    photos: uint8 (N, 3, H, W), or `Photos`. Of up to 1,000 of them, spread evenly, every fourth pixel is counted.
    """
    images = getattr(photos, "images", photos)
    check("color_prior", "uint8", photos=(images, "N 3 H W"))
    counts = torch.zeros_like(bins[:, 0])
    for some in images[:: max(1, len(images) // 1000), :, ::4, ::4].split(100):
        index, _ = soft_encode(scale_lab(rgb_to_lab(some.to(bins.device)))[1], bins, neighbors=1)
        counts += torch.bincount(index.flatten(), minlength=len(bins))
    return counts / counts.sum()


def rebalancing(prior: Tensor, bins: Tensor, smoothing: float = 5.0, mix: float = 0.5) -> Tensor:
    """How much a pixel of each bin counts, rare colors more: float (K,). Eq. 4. Built in chapter 10.

    prior: (K,), summing to 1. smoothing: of the Gaussian, in Lab units, that smooths it over the ab plane first.
    mix: share of the uniform distribution in it, the paper's lambda: 1 counts all alike, 0 is 1 / prior.
    The weights are 1 on average, over pixels that are distributed as the smoothed prior.
    """
    check("rebalancing", "floats", prior=(prior, "K"), bins=(bins, "K 2"))
    if not (0 <= mix <= 1 and smoothing > 0):
        raise ValueError(f"rebalancing wants a mix from 0 to 1 and a smoothing above 0, not {mix} and {smoothing}")
    near = torch.exp(-torch.cdist(bins, bins).square() / (2 * smoothing**2))
    smooth = (near / near.sum(0)) @ prior.to(bins)
    weights = 1 / ((1 - mix) * smooth + mix / len(bins)).clamp(min=1e-9)
    return weights / (smooth * weights).sum()


def class_loss(logits: Tensor, ab: Tensor, bins: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy with `soft_encode`d colors, a scalar. Eq. 2 and 3. Built in chapter 10.

    logits: (N, K, h, w). ab: scaled (N, 2, H, W), averaged down to (h, w). weights: (K,), what a pixel counts whose
    nearest bin it is, see `rebalancing`; None counts all alike.
    """
    counts = {} if weights is None else {"weights": (weights, "K")}
    check("class_loss", "floats", logits=(logits, "N K h w"), ab=(ab, "N 2 H W"), bins=(bins, "K 2"), **counts)
    if ab.shape[-2:] != logits.shape[-2:]:
        ab = F.adaptive_avg_pool2d(ab, logits.shape[-2:])
    index, share = (t.movedim(1, -1) for t in soft_encode(ab, bins))
    log_p = logits.movedim(1, -1).log_softmax(-1, dtype=torch.promote_types(logits.dtype, torch.float32))
    loss = -(share * log_p.gather(-1, index)).sum(-1)
    return loss.mean() if weights is None else (weights[index[..., 0]] * loss).mean()


# ------------------------------------------------------------------------------------------ from logits to ab


def _check_logits(who: str, logits: Tensor, bins: Tensor, temperature: float) -> None:
    check(who, "floats", logits=(logits, "N K h w"), bins=(bins, "K 2"))
    if not 0 < temperature < math.inf:
        raise ValueError(f"{who} wants a temperature above 0, not {temperature}")


def annealed_mean(logits: Tensor, bins: Tensor, temperature: float = 0.38) -> Tensor:
    """One color of each distribution: ab, scaled (N, 2, h, w). Eq. 5. Built in chapter 10.

    logits: (N, K, h, w). temperature: 1 gives the mean, near 0 the most probable color; in between, probabilities are
    sharpened before the mean is taken.
    """
    _check_logits("annealed_mean", logits, bins, temperature)
    p = (logits.float() / temperature).softmax(1)
    return torch.einsum("nkhw,kc->nchw", p, bins.float() / AB_SCALE)


def sample_ab(
    logits: Tensor,
    bins: Tensor,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    together: bool = False,
) -> Tensor:
    """Draw a color from each distribution: ab, scaled (N, 2, h, w). Built in chapter 10.

    logits: (N, K, h, w). generator: of random numbers, on the CPU. together: False draws each pixel alone; True draws
    one random number a bin for the whole photo, so that pixels with the same distribution get the same color.
    The bin with the largest logit + Gumbel noise is a draw from the softmax (Maddison et al. 2014), either way.
    """
    _check_logits("sample_ab", logits, bins, temperature)
    shape = (*logits.shape[:2], 1, 1) if together else logits.shape
    u = torch.rand(shape, generator=generator).clamp(min=1e-30).to(logits.device)
    chosen = (logits.float() / temperature - (-u.log()).log()).argmax(1)
    return (bins / AB_SCALE)[chosen].movedim(-1, 1)


def raw_accuracy(
    ab: Tensor,
    target: Tensor,
    weights: Tensor | None = None,
    bins: Tensor | None = None,
    thresholds: Iterable[float] = range(151),
) -> dict[str, np.ndarray | float]:
    """Share of pixels whose color lies within a distance of the truth, by distance. Section 3.1. Built in chapter 10.

    ab, target: scaled (N, 2, H, W). weights, bins: (K,) and (K, 2), what a pixel counts whose true color's nearest bin
    it is; with `rebalancing(prior, bins, mix=0)` it is the paper's class-balanced accuracy. thresholds: Lab units.
    Returns {"thresholds": float64 (T,), "share": float64 (T,), "auc": their mean, 0 to 1}.
    """
    check("raw_accuracy", "floats", ab=(ab, "N 2 H W"), target=(target, "N 2 H W"))
    for values in (ab, target):
        check_values("raw_accuracy", values, -9, 9, "scaled ab")
    if (weights is None) != (bins is None):
        raise ValueError("raw_accuracy wants weights and the bins that they belong to, or neither")
    thresholds, reached, total = np.asarray(list(thresholds), dtype=np.float64), 0.0, 0.0
    for guess, truth in zip(ab.split(32), target.split(32), strict=True):
        distance = ((guess - truth) * AB_SCALE).norm(dim=1).flatten().double()
        count = torch.ones_like(distance)
        if weights is not None:
            count = weights.double()[soft_encode(truth, bins, neighbors=1)[0].flatten()]
        order = distance.argsort()
        sums = F.pad(count[order].cumsum(0), (1, 0))
        at = torch.searchsorted(distance[order], torch.from_numpy(thresholds).to(distance), right=True)
        reached, total = reached + sums[at].cpu().numpy(), total + sums[-1].item()
    return {"thresholds": thresholds, "share": reached / total, "auc": float((reached / total).mean())}


# ------------------------------------------------------------------------------------------ networks


class Choosing:
    """What makes a network choose: put before a `UNet` or `PretrainedUNet` among the bases, it gives each bin a logit.

    Its climb ends at a quarter of the picture's height and width, as in the paper (56 of 224 px), since each pixel
    there has K numbers. Photos whose true ab went through that small size are 36.5 dB from themselves: far above
    what any colorizer reaches.

    temperature: see `annealed_mean`; it can be set, and goes into the file with the weights. bins: (K, 2), Lab units.
    forward(L): the annealed mean, ab (N, 2, H, W), scaled. forward(L, logits=True): (N, K, h, w), of L padded to a
    multiple of 2^depth: h = H / 4, or H / 2 at depth 1.
    """

    def choose(self, temperature: float) -> None:
        """Replace the head that paints, and end the climb where it begins."""
        self.config["kind"] = type(self).__name__
        self.temperature, climbs = temperature, max(0, self.depth - 2)
        self.stride = 2 ** min(self.depth, 2)
        inputs = self.squeeze[climbs].in_channels if climbs < len(self.squeeze) else self.head.in_channels
        self.squeeze, self.decoder = self.squeeze[:climbs], self.decoder[:climbs]
        self.register_buffer("bins", ab_bins(), persistent=False)
        self.head = nn.Conv2d(inputs, len(self.bins), 1)

    @property
    def temperature(self) -> float:
        return self.config["temperature"]

    @temperature.setter
    def temperature(self, value: float) -> None:
        if not 0 < value < math.inf:
            raise ValueError(f"a {type(self).__name__} wants a temperature above 0, not {value}")
        self.config["temperature"] = float(value)

    def forward(self, L: Tensor, logits: bool = False) -> Tensor:
        x = self.head(self.climb(self.encode(L)))
        return x if logits else self.full_size(annealed_mean(x, self.bins, self.temperature), L)

    def full_size(self, ab: Tensor, L: Tensor) -> Tensor:
        """Enlarge ab (N, 2, h, w) to the size of L (N, 1, H, W), and cut off what `encode` padded."""
        ab = F.interpolate(ab, scale_factor=self.stride, mode="bilinear", align_corners=False)
        return ab[..., : L.shape[-2], : L.shape[-1]]


class ClassUNet(Choosing, UNet):
    """A `UNet` that chooses among `ab_bins()` (Zhang et al. 2016, section 2.3); arguments: see both."""

    def __init__(
        self, width: int = 32, depth: int = 4, half_res: bool = True, skips: bool = True, temperature: float = 0.38
    ):
        super().__init__(width, depth, half_res, skips)
        self.choose(temperature)


class ClassPretrainedUNet(Choosing, PretrainedUNet):
    """A `PretrainedUNet` that chooses among `ab_bins()`; arguments: see both."""

    def __init__(self, encoder: str = "lite0", width: int = 24, frozen: int = 3, temperature: float = 0.38):
        super().__init__(encoder, width, frozen)
        self.choose(temperature)
