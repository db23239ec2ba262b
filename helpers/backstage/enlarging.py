"""Small colors on a large picture, along the picture's own edges. Built in chapter 8.

Where lightness changes, color mostly changes with it. So in each little window of the small picture a line is fitted,
ab = slope * L + offset, as the guided filter does (He, Sun & Tang 2013, eq. 5); and the enlarged ab gets back, times
that slope, what enlarging has taken from L:

    ab = enlarged(ab) + enlarged(slope) * (L - enlarged(L of the small picture))

The guided filter itself would give slope * L + offset, which smooths the colors it was given. To enlarge these as they
are and guide only what is missing is the idea of residual interpolation (Kiku et al. 2016). What each gains is in
tests/benchmarks/RESULTS.md.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .curves import rows_between

__all__ = ["Enlarged", "color_slopes", "enlarge_colors"]

RADIUS = 1  # of the window, in pixels of the small picture: 3 x 3
SOFTNESS = 10.0  # in units of L: where lightness varies much less than this, it says nothing about color
AT_ONCE = 2**20  # pixels of a picture that is enlarged as a whole: 20 MB


def color_slopes(L: Tensor, ab: Tensor, radius: int = RADIUS, softness: float = SOFTNESS) -> Tensor:
    """How much a and b change with L around each pixel: (N, 1, h, w) and (N, 2, h, w), Lab units -> (N, 2, h, w).

    Covariance over variance in windows of 2 * radius + 1 pixels, and the mean of that over the same windows. softness
    squared is added to the variance. Source: He, Sun & Tang 2013, eq. 5. Built in chapter 8.
    """

    side, (height, width) = 2 * radius + 1, L.shape[-2:]

    def mean(x: Tensor) -> Tensor:
        """F.avg_pool2d of the padded x: on a CPU that adds one number at a time, and this whole rows, then columns."""
        padded = F.pad(x, (radius,) * 4, mode="replicate")
        rows = padded[..., :height, :].clone()
        for top in range(1, side):
            rows += padded[..., top : top + height, :]
        total = rows[..., :width].clone()
        for left in range(1, side):
            total += rows[..., left : left + width]
        return total.div_(side**2)

    L_mean, ab_mean = mean(L), mean(ab)
    covariance, variance = mean(L * ab) - L_mean * ab_mean, mean(L * L) - L_mean.square()
    return mean(covariance / (variance + softness**2))


def enlarge_colors(L_small: Tensor, ab_small: Tensor, L: Tensor) -> Tensor:
    """ab for a large L, along its edges: (N, 1, h, w), (N, 2, h, w) and (N, 1, H, W), Lab units -> (N, 2, H, W).

    Built in chapter 8; `Enlarged` does the same for a part of a picture at a time.
    """
    small = torch.cat([ab_small, color_slopes(L_small, ab_small), L_small], dim=1)
    large = F.interpolate(small, L.shape[-2:], mode="bilinear", align_corners=False)
    return large[:, :2] + large[:, 2:4] * (L - large[:, 4:])


class Enlarged:
    """`enlarge_colors` of one picture, some rows at a time, to bound memory: the same to the last bits.

    L, ab: (1, 1, h, w) and (1, 2, h, w), Lab units. height, width: of the large picture.
    """

    def __init__(self, L: Tensor, ab: Tensor, height: int, width: int):
        small = torch.cat([ab, color_slopes(L, ab), L], dim=1)
        # Of a large picture columns are enlarged first, then the rows of each part: what all at once would give, too.
        first = height if height * width <= AT_ONCE else small.shape[2]
        self.wide = F.interpolate(small, (first, width), mode="bilinear", align_corners=False)[0]
        self.height = height

    def rows(self, part: slice, L: Tensor) -> Tensor:
        """ab (2, rows, W) of the rows `part`, whose L is (1, rows, W)."""
        ab, slope, L_seen = rows_between(self.wide, self.height, part).split([2, 2, 1])
        return torch.addcmul(ab, slope, L - L_seen)
