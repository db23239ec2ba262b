"""Color as classification (Zhang et al. 2016): a U-Net that gives each color of a grid a probability.

    model = ClassUNet(width=16, temperature=0.4)
    loss = class_loss(model(L, logits=True), ab, model.grid)      # L (N, 1, H, W), ab (N, 2, H, W), both scaled
    ab = model(L)                                                 # the annealed mean

For a chapter to come. At equal CPU time it lost to regression: tests/benchmarks/RESULTS.md has both.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .backstage.checks import check
from .color import AB_SCALE, in_gamut
from .models import UNet

__all__ = ["Choosing", "ClassUNet", "ab_grid", "class_loss"]


def ab_grid(step: float = 10.0) -> Tensor:
    """The ab values a color classifier chooses from: float (K, 2) in Lab units (Zhang et al. 2016, section 2.1).

    The points of a grid of this step, 1 to 60, that some lightness makes a color of sRGB; 225 for a step of 10.
    """
    if not 1 <= step <= 60:
        raise ValueError(f"ab_grid wants a step from 1 to 60 Lab units, not {step}")
    line = torch.arange(-120 // step, 120 // step + 1) * step
    L = torch.arange(1.0, 100.0)
    lab = torch.stack(torch.broadcast_tensors(L[:, None, None], line[:, None], line), dim=1)
    return torch.cartesian_prod(line, line)[in_gamut(lab).any(0).flatten()]


class Choosing:
    """What makes a network choose: put before a `UNet` or `PretrainedUNet` among the bases, it gives each color logits.

    temperature: near 0 the most probable color is taken, at 1 the plain mean. `grid`: scaled (K, 2).
    forward(L): the annealed mean, ab (N, 2, H, W), scaled. forward(L, logits=True): the logits (N, K, h, w) to train
    on, at half resolution with half_res, padded to a multiple of 2^depth.
    """

    def choose(self, temperature: float) -> None:
        """Replace the head that paints. Raises ValueError for a temperature that is not above 0."""
        if not 0 < temperature < math.inf:
            raise ValueError(f"a {type(self).__name__} wants a temperature above 0, not {temperature}")
        self.config |= {"kind": type(self).__name__, "temperature": temperature}
        self.temperature = temperature
        self.register_buffer("grid", ab_grid() / AB_SCALE, persistent=False)
        self.head = nn.Conv2d(self.head.in_channels, len(self.grid), 1)

    def forward(self, L: Tensor, logits: bool = False) -> Tensor:
        x = self.head(self.climb(self.encode(L)))
        if logits:
            return x
        ab = torch.einsum("nkhw,kc->nchw", (x.float() / self.temperature).softmax(1), self.grid)
        return self.full_size(ab, L)


class ClassUNet(Choosing, UNet):
    """A `UNet` that chooses among the colors of `ab_grid()` (Zhang et al. 2016, section 2.3); arguments: see both."""

    def __init__(
        self, width: int = 32, depth: int = 4, half_res: bool = True, skips: bool = True, temperature: float = 0.5
    ):
        super().__init__(width, depth, half_res, skips)
        self.choose(temperature)


def class_loss(
    logits: Tensor, target: Tensor, grid: Tensor, step: float = 10.0, weights: Tensor | None = None
) -> Tensor:
    """Cross-entropy over a grid of ab values (Zhang et al. 2016, eq. 2); a scalar.

    logits: (N, K, h, w). target: scaled ab (N, 2, H, W), averaged down to (h, w). grid: scaled (K, 2), the points
    of `ab_grid(step)`. The target's weight is shared by the four points around it, by nearness. weights: (K,), how
    much each point counts (eq. 3), as in `F.cross_entropy`; None counts all alike.
    Raises ValueError for other shapes and a grid of another step, TypeError for other numbers.
    """
    counts = {} if weights is None else {"weights": (weights, "K")}
    check("class_loss", "floats", logits=(logits, "N K h w"), target=(target, "N 2 H W"), grid=(grid, "K 2"), **counts)
    off = (grid * AB_SCALE / step).sub((grid * AB_SCALE / step).round()).abs().max() if 1 <= step <= 60 else 1
    if off > 1e-3 or grid.abs().max() > 1.2:
        raise ValueError(f"class_loss wants the scaled points of ab_grid({step})")
    if target.shape[-2:] != logits.shape[-2:]:
        target = F.adaptive_avg_pool2d(target, logits.shape[-2:])
    step = step / AB_SCALE
    reach = math.ceil(1.2 / step) + 1  # beyond every color of sRGB; a constant, so that no step waits for a GPU
    place, side = (grid / step).round().long() + reach, 2 * reach + 1
    table = torch.full((side, side), -1, device=grid.device)  # (a, b) -> class, or -1
    table[place[:, 0], place[:, 1]] = torch.arange(len(grid), device=grid.device)
    low = (at := target / step + reach).floor()
    near, low = at - low, low.long()
    log_p, total, counted = logits.float().log_softmax(1), 0.0, 0.0
    for corner in torch.cartesian_prod(*[torch.arange(2, device=grid.device)] * 2).view(4, 2, 1, 1):
        a, b = (low + corner).clamp(0, side - 1).unbind(1)
        index = table[a, b]
        share = torch.where(corner == 1, near, 1 - near).prod(1) * (index >= 0)
        index = index.clamp(min=0)
        share = share if weights is None else share * weights[index]
        total, counted = total - share * log_p.gather(1, index[:, None])[:, 0], counted + share
    return (total.sum() / counted.sum().clamp(min=1e-6)).float()
