"""What the two networks try to make small.

Adversarial losses come in three kinds, each as a pair (discriminator, generator) on logits:
"bce" (Goodfellow et al. 2014, section 3, with the non-saturating generator), "lsgan" (Mao et al.
2017, eq. 9) and "hinge" (Lim & Ye 2017). `chance_levels` says what each pair reads when the
discriminator knows nothing: the line to draw under a loss curve.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .color import AB_SCALE

__all__ = [
    "ADVERSARIAL",
    "chance_levels",
    "class_loss",
    "color_loss",
    "colorfulness_loss",
    "discriminator_loss",
    "generator_loss",
]

ADVERSARIAL = ("bce", "hinge", "lsgan")


def _check(kind: str) -> None:
    if kind not in ADVERSARIAL:
        raise ValueError(f"unknown adversarial loss {kind!r}: choose one of {', '.join(ADVERSARIAL)}")


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor, kind: str = "hinge") -> Tensor:
    """Sum of the loss on real and on fake patches, each a mean; a scalar.

    Pass logits of *detached* fakes: this step must not train the generator.
    """
    _check(kind)
    if kind == "bce":
        real, fake = F.softplus(-real_logits), F.softplus(fake_logits)
    elif kind == "lsgan":
        real, fake = (real_logits - 1).square(), fake_logits.square()
    else:
        real, fake = F.relu(1 - real_logits), F.relu(1 + fake_logits)
    return real.float().mean() + fake.float().mean()


def generator_loss(fake_logits: Tensor, kind: str = "hinge") -> Tensor:
    """How far the fakes are from being called real; a scalar."""
    _check(kind)
    if kind == "bce":
        loss = F.softplus(-fake_logits)
    elif kind == "lsgan":
        loss = (fake_logits - 1).square()
    else:
        loss = -fake_logits
    return loss.float().mean()


def chance_levels(kind: str = "hinge") -> tuple[float, float]:
    """(discriminator, generator) loss of a discriminator that cannot tell real from fake.

    Its best constant answer is the undecided logit: probability one half for "bce", 0.5 for "lsgan",
    0 for "hinge". Because two terms are summed, BCE's chance level is 2 ln 2 = 1.386, not 0.693.
    """
    undecided = torch.tensor(0.5 if kind == "lsgan" else 0.0)
    return discriminator_loss(undecided, undecided, kind).item(), generator_loss(undecided, kind).item()


def color_loss(ab: Tensor, target: Tensor, kind: str = "l1") -> Tensor:
    """Distance of predicted to true ab, both scaled (N, 2, H, W); a scalar.

    "l1": mean absolute error; its best answer is the conditional *median*. "smooth_l1": squared below
    0.05 (5.5 Lab units), straight above. "l2": squared error; its best answer is the *mean*.
    """
    ab = ab.float()
    if kind == "l1":
        return F.l1_loss(ab, target)
    if kind == "smooth_l1":
        return F.smooth_l1_loss(ab, target, beta=0.05)
    if kind == "l2":
        return F.mse_loss(ab, target)
    raise ValueError(f"unknown color loss {kind!r}: choose l1, smooth_l1 or l2")


def class_loss(logits: Tensor, target: Tensor, grid: Tensor, step: float = 10.0) -> Tensor:
    """Cross-entropy over a grid of ab values (Zhang et al. 2016, eq. 2, without rebalancing); a scalar.

    logits: (N, K, h, w). target: scaled ab (N, 2, H, W), averaged down to (h, w). grid: scaled (K, 2), the points
    of `ab_grid(step)`. The target's weight is shared by the four points around it, by nearness.
    """
    if target.shape[-1] != logits.shape[-1]:
        target = F.adaptive_avg_pool2d(target, logits.shape[-2:])
    step = step / AB_SCALE
    reach = math.ceil(1.2 / step) + 1  # beyond every color of sRGB; a constant, so that no step waits for a GPU
    place, side = (grid / step).round().long() + reach, 2 * reach + 1
    table = torch.full((side, side), -1, device=grid.device)  # (a, b) -> class, or -1
    table[place[:, 0], place[:, 1]] = torch.arange(len(grid), device=grid.device)
    at = target / step + reach
    low = at.floor()
    near, low = at - low, low.long()
    log_p, total, weights = logits.float().log_softmax(1), 0.0, 0.0
    for da in (0, 1):
        for db in (0, 1):
            a, b = ((low[:, i] + d).clamp(0, side - 1) for i, d in ((0, da), (1, db)))
            index = table[a, b]
            share = (near[:, 0] if da else 1 - near[:, 0]) * (near[:, 1] if db else 1 - near[:, 1])
            share = share * (index >= 0)
            total = total - share * log_p.gather(1, index.clamp(min=0)[:, None])[:, 0]
            weights = weights + share
    return (total.sum() / weights.sum().clamp(min=1e-6)).float()


def colorfulness_loss(ab: Tensor, target: Tensor) -> Tensor:
    """How much less chroma the prediction has than the truth, mean over the batch; a scalar >= 0.

    After the colorfulness loss of DDColor (Kang et al. 2023, section 3.4), capped at the truth, so
    that it never asks for more color than the photo has. Chroma is the length of ab, scaled.
    """
    chroma = ab.float().square().sum(1).add(1e-8).sqrt().mean((1, 2))
    wanted = target.square().sum(1).add(1e-8).sqrt().mean((1, 2))
    return F.relu(wanted - chroma).mean()
