"""What the two networks try to make small.

Adversarial losses come in three kinds, each as a pair (discriminator, generator) on logits: "bce" (Goodfellow et al.
2014, section 3, with the non-saturating generator), "lsgan" (Mao et al. 2017, eq. 9) and "hinge" (Lim & Ye 2017).
All raise ValueError for an unknown kind and for other or empty shapes, TypeError for what is no tensor of floats.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .backstage.checks import check

__all__ = ["ADVERSARIAL", "chance_levels", "color_loss", "discriminator_loss", "generator_loss"]

ADVERSARIAL = ("bce", "hinge", "lsgan")


def _check(who: str, kind: str, **logits: Tensor) -> None:
    if kind not in ADVERSARIAL:
        raise ValueError(f"unknown adversarial loss {kind!r}: choose one of {', '.join(ADVERSARIAL)}")
    check(who, "floats", **{name: (tensor, "...") for name, tensor in logits.items()})


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor, kind: str = "hinge") -> Tensor:
    """Sum of the loss on real and on fake patches, each a mean; a scalar.

    Logits of any shape. Pass those of *detached* fakes: this step must not train the generator.
    """
    _check("discriminator_loss", kind, real_logits=real_logits, fake_logits=fake_logits)
    if kind == "bce":
        real, fake = F.softplus(-real_logits), F.softplus(fake_logits)
    elif kind == "lsgan":
        real, fake = (real_logits - 1).square(), fake_logits.square()
    else:
        real, fake = F.relu(1 - real_logits), F.relu(1 + fake_logits)
    return real.float().mean() + fake.float().mean()


def generator_loss(fake_logits: Tensor, kind: str = "hinge") -> Tensor:
    """How far the fakes are from being called real; a scalar. Logits of any shape."""
    _check("generator_loss", kind, fake_logits=fake_logits)
    if kind == "bce":
        loss = F.softplus(-fake_logits)
    elif kind == "lsgan":
        loss = (fake_logits - 1).square()
    else:
        loss = -fake_logits
    return loss.float().mean()


def chance_levels(kind: str = "hinge") -> tuple[float, float]:
    """(discriminator, generator) loss of a discriminator that cannot tell real from fake: the line under a loss curve.

    Its best answer is the undecided logit. As two terms are summed, BCE's level is 2 ln 2 = 1.386, not 0.693.
    """
    undecided = torch.tensor(0.5 if kind == "lsgan" else 0.0)
    return discriminator_loss(undecided, undecided, kind).item(), generator_loss(undecided, kind).item()


def color_loss(ab: Tensor, target: Tensor, kind: str = "l1") -> Tensor:
    """Distance of predicted to true ab, both scaled (N, 2, H, W); a scalar.

    "l1": mean absolute error; its best answer is the conditional *median*. "smooth_l1": squared below
    0.05 (5.5 Lab units), straight above. "l2": squared error; its best answer is the *mean*.
    """
    if kind not in ("l1", "smooth_l1", "l2"):
        raise ValueError(f"unknown color loss {kind!r}: choose l1, smooth_l1 or l2")
    check("color_loss", "floats", ab=(ab, "N 2 H W"), target=(target, "N 2 H W"))
    ab = ab.float()
    if kind == "l1":
        return F.l1_loss(ab, target)
    if kind == "smooth_l1":
        return F.smooth_l1_loss(ab, target, beta=0.05)
    return F.mse_loss(ab, target)
