"""The figures of chapter 9: a map of hints, what hints bring, and colors suggested for a place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from ..color import lab_to_rgb, unscale_lab
from .showing import SAFE

MAP = 40  # pixels of the map in which four hints are put
FOUR = ((20, 12, (0.6, 0.1), 5), (0, 39, (-0.4, 0.4), 9), (30, 30, (0.1, -0.6), 1), (39, 0, (0.2, 0.7), 7))


def hint_map_picture(put_hint: Callable) -> np.ndarray:
    """A map of 40 pixels with four hints as `put_hint` puts them, uint8 (H, W, 3): told colors, the rest hatched."""
    hints = torch.zeros(3, MAP, MAP)
    for row, column, ab, side in FOUR:
        hints = put_hint(hints, row, column, ab, side)
    rgb = lab_to_rgb(unscale_lab(torch.full((1, 1, MAP, MAP), 0.2), hints[None, :2].float()))[0]
    y, x = np.ogrid[:MAP, :MAP]
    hatched = np.where((y + x) % 4 == 0, 0.75, 0.92)[..., None].repeat(3, 2)
    picture = np.where(hints[2, :, :, None].numpy() > 0, rgb.permute(1, 2, 0).numpy(), hatched)
    return np.round(255 * picture).astype(np.uint8).repeat(6, 0).repeat(6, 1)


def gains_figure(curves: Mapping[str, Mapping[int, Mapping[str, np.ndarray]]]) -> None:
    """Mean PSNR and mean ΔE2000 by number of hints, side by side; the numbers are evenly spaced.

    curves: {label: {count: {"psnr": (N,), "delta_e": (N,)}}}, as `helpers.guided.hint_curve` gives them; all begin with
    the same counts.
    """
    import matplotlib.pyplot as plt

    counts = max(curves.values(), key=len)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for axis, key, label in zip(axes, ("psnr", "delta_e"), ("PSNR, dB", "ΔE2000"), strict=True):
        axis.set_prop_cycle(color=SAFE)
        for name, curve in curves.items():
            axis.plot(range(len(curve)), [marks[key].mean() for marks in curve.values()], "o-", label=name)
        axis.set(xticks=range(len(counts)), xticklabels=[*counts], xlabel="hints", title=label)
    axes[0].legend(frameon=False, fontsize=8)
    plt.show()


def suggestions_figure(
    pictures: Sequence[np.ndarray],
    places: Sequence[tuple[int, int]],
    offered: Sequence[Sequence[tuple[float, float, float]]],
    true: Sequence[tuple[float, float]],
) -> None:
    """Photos with a place marked; below each its suggested colors, as wide as their shares, and under them the true.

    pictures: uint8 (H, W, 3). places: (row, column). offered: (share, a, b) for each, in Lab units, shares summing
    to 1. true: (a, b).
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        2, len(pictures), figsize=(2.4 * len(pictures), 3.2), height_ratios=(3, 1), squeeze=False, layout="constrained"
    )
    for column, (picture, (row, at), colors, ab) in enumerate(zip(pictures, places, offered, true, strict=True)):
        above, below = axes[0, column], axes[1, column]
        above.imshow(picture)
        above.plot(at, row, "o", color="none", markeredgecolor="red", markersize=9, markeredgewidth=2)
        left = 0.0
        for share, a, b in colors:
            below.barh(1, share, left=left, color=_shown(a, b), edgecolor="white")
            left += share
        below.barh(0, 1, color=_shown(*ab), edgecolor="white")
        below.set(xlim=(0, 1), xticks=[], yticks=[0, 1], yticklabels=["true", "offered"] if column == 0 else ["", ""])
        above.set(xticks=[], yticks=[])
        below.spines[:].set_visible(False)
    plt.show()


def _shown(a: float, b: float, L: float = 65.0) -> tuple[float, ...]:
    lab = torch.tensor([L, a, b], dtype=torch.float32).view(3, 1, 1)
    return tuple(lab_to_rgb(lab).clamp(0, 1).flatten().tolist())
