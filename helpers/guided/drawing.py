"""Hints for training: random numbers, places and sizes of true colors (Zhang et al. 2017, section 3.2).

L, (ab, hints) = L, draw_hints(ab, most=64, generator=torch.Generator().manual_seed(0))
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..backstage.checks import check, check_whole
from ..models import HINT_SIDE, no_hints, place_hint

__all__ = ["draw_hints", "hint_map", "recolor"]

WITHOUT, FALSE = 1 / 6, 1 / 4  # share of photos without a hint; of the others, share that get a false color
SIDES = (1, 3, 5, 7)
SAME, OTHER = 0.15, 0.35  # scaled: colors nearer than the first are one color, from the second on they are another


def hint_map(ab: Tensor, places: Sequence[tuple[int, int]], side: int = HINT_SIDE) -> Tensor:
    """The map (3, H, W) that tells the mean of ab (2, H, W), scaled, in a square around each (row, column)."""
    check("hint_map", "floats", ab=(ab, "2 H W"))
    hints = no_hints(ab[None, :1])[0]
    for row, column in places:
        place_hint(hints, row, column, _mean_around(ab, row, column, side), side)
    return hints


def _mean_around(ab: Tensor, row: int, column: int, side: int) -> list[float]:
    top, left = row - side // 2, column - side // 2
    return ab[:, max(0, top) : top + side, max(0, left) : left + side].mean((1, 2)).tolist()


def draw_hints(ab: Tensor, most: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random hints for a batch ab (N, 2, H, W), scaled: the colors to aim at (N, 2, H, W), and hints (N, 3, H, W).

    A sixth of the photos get none. The others get 1 to `most`, as many times 1 to 2 as 8 to 16 (log-uniform), at
    places drawn evenly, each the mean color of a square of 1 to 7 px. So that the network learns to obey and not to
    know better, a quarter of those have their first hint's color replaced by one of the next photo, wherever it is
    found in the photo (`recolor`). All is drawn on the CPU: a seed means the same on every device.
    Raises ValueError for another shape or `most` below 1, TypeError for what is no tensor of floats.
    """
    check("draw_hints", "floats", ab=(ab, "N 2 H W"))
    check_whole("draw_hints", 1, most=most)
    count, _, height, width = ab.shape
    device, ab = ab.device, ab.cpu()
    target, hints = ab.clone(), no_hints(ab[:, :1])
    for i in range(count):
        u = torch.rand(4, generator=generator).tolist()
        many = 0 if u[0] < WITHOUT else min(most, int(math.exp(u[1] * math.log(most + 1))))
        draws = torch.rand(max(many, 1), 3, generator=generator)
        draws = (draws * torch.tensor([height, width, len(SIDES)])).long().tolist()
        if many and u[2] < FALSE:
            row, column, _ = draws[0]
            place = int(u[3] * height * width)
            target[i] = recolor(ab[i], ab[i, :, row, column], ab[(i + 1) % count].flatten(1)[:, place])
        for row, column, size in draws[:many]:
            side = SIDES[size]
            place_hint(hints[i], row, column, _mean_around(target[i], row, column, side), side)
    return target.to(device), hints.to(device)


def recolor(ab: Tensor, old: Tensor, new: Tensor) -> Tensor:
    """Move all that has about the color `old` to `new`, its shades with it; ab (2, H, W), old and new (2,), scaled."""
    distance = (ab - old.view(2, 1, 1)).norm(dim=0)
    share = ((OTHER - distance) / (OTHER - SAME)).clamp(0, 1)
    return ab + share * (new - old).view(2, 1, 1)
