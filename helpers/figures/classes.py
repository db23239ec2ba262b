"""The figures of chapter 10: bins on the ab plane, what they hold, and what a pixel thinks of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ..backstage.canvas import canvas, picture_of
from ..color import lab_to_rgb, rgb_to_lab
from .showing import SAFE

STEP, REACH = 10, 115  # Lab units: a square of the plane, and how far it is drawn
# For each a of the paper's list the lowest and the highest b, in steps of 10: the file pts_in_hull.npy of its code
RIM = {
    -90: (50, 90), -80: (20, 90), -70: (0, 90), -60: (-20, 90), -50: (-30, 100), -40: (-40, 100), -30: (-50, 100),
    -20: (-50, 100), -10: (-60, 100), 0: (-70, 100), 10: (-80, 90), 20: (-80, 90), 30: (-90, 90), 40: (-100, 90),
    50: (-100, 80), 60: (-110, 80), 70: (-110, 80), 80: (-110, 70), 90: (-110, 70), 100: (-90, 0),
}  # fmt: skip


def paper_bins() -> Tensor:
    """The 313 bins of the code of Zhang et al. (2016), float (313, 2) in Lab units, by a, then by b."""
    return torch.tensor([(a, b) for a, (low, high) in RIM.items() for b in range(low, high + 1, STEP)]).float()


def screen_colors(levels: int = 52) -> Tensor:
    """a and b of colors of sRGB, so many levels of each channel, float (levels³, 2) in Lab units."""
    line = torch.linspace(0, 1, levels)
    rgb = torch.stack(torch.meshgrid(line, line, line, indexing="ij")).flatten(1)[:, None]
    return rgb_to_lab(rgb)[1:, 0].T.contiguous()


def shown(ab, L: float = 65.0) -> np.ndarray:
    """Colors (..., 2) in Lab units at one lightness, cut to the gamut, as RGB from 0 to 1 (..., 3)."""
    ab = torch.as_tensor(np.asarray(ab), dtype=torch.float32)
    lab = torch.stack([torch.full_like(ab[..., 0], L), ab[..., 0], ab[..., 1]], -1).view(-1, 3)
    return lab_to_rgb(lab.T[:, None])[:, 0].clamp(0, 1).T.reshape(*ab.shape[:-1], 3).numpy()


def _squares(axis, bins, sides=None, L: float = 65.0, **looks) -> None:
    """Bins in their own colors, as squares on the plane; sides: (K,) of each, 1 fills its place."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    bins = np.asarray(bins, dtype=float).reshape(-1, 2)
    sides = STEP * np.asarray(np.ones(len(bins)) if sides is None else sides)
    patches = [Rectangle((a - s / 2, b - s / 2), s, s) for (a, b), s in zip(bins, sides, strict=True)]
    axis.add_collection(PatchCollection(patches, **({"facecolors": shown(bins, L)} | looks)))
    axis.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", xlabel="a", ylabel="b")


def color_strips(guesses: Mapping[str, Sequence], shares: Sequence[float], xlabel: str) -> None:
    """Rows of colors: {name: (n, 2) in Lab units}, one for each share from 0 to 1."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(guesses), 1, figsize=(8, 0.6 * len(guesses) + 0.4), sharex=True, squeeze=False)
    for axis, (name, colors) in zip(axes[:, 0], guesses.items(), strict=True):
        axis.imshow(shown(colors)[None], extent=(shares[0], shares[-1], 0, 1), aspect="auto", interpolation="nearest")
        axis.set(yticks=[])
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
    axes[-1, 0].set_xlabel(xlabel)
    plt.show()


def bins_figure(ours, theirs) -> None:
    """Our bins (K, 2) in their colors, and those that only the others have (M, 2), hatched."""
    import matplotlib.pyplot as plt

    mine = {tuple(center) for center in np.asarray(ours).tolist()}
    only = [center for center in np.asarray(theirs).tolist() if tuple(center) not in mine]
    figure, axis = plt.subplots(figsize=(5.4, 4.6), layout="constrained")
    _squares(axis, ours, edgecolors="white", linewidths=0.6)
    _squares(axis, only, facecolors="none", edgecolors="0.55", hatch="////", linewidths=0.6)
    axis.set_title(f"{len(mine)} bins in color, {len(only)} more in the paper's list", fontsize=10)
    plt.show()


def planes_figure(planes: Mapping[str, np.ndarray], bins) -> None:
    """Numbers above 0 of each bin, {title: (K,)}, on the plane; each on its own log scale, with its color bar."""
    import matplotlib.pyplot as plt
    from matplotlib.colors import LogNorm

    place = ((np.asarray(bins) + 120) / STEP).round().astype(int)
    figure, axes = plt.subplots(1, len(planes), figsize=(3.3 * len(planes), 2.9), squeeze=False, layout="constrained")
    for axis, (title, values) in zip(axes[0], planes.items(), strict=True):
        grid, values = np.full((25, 25), np.nan), np.asarray(values, dtype=float)
        grid[place[:, 1], place[:, 0]] = np.where(values > 0, values, np.nan)
        scale = LogNorm(max(np.nanmin(grid), np.nanmax(grid) * 1e-6), np.nanmax(grid))
        image = axis.imshow(grid, origin="lower", extent=(-125, 125) * 2, cmap="YlGnBu", norm=scale)
        axis.set(xlabel="a", xlim=(-REACH, REACH), ylim=(-REACH, REACH))
        axis.set_title(title, fontsize=10)
        figure.colorbar(image, ax=axis, shrink=0.85)
    axes[0, 0].set_ylabel("b")
    plt.show()


def places_figure(
    pictures: Sequence[np.ndarray],
    places: Sequence[tuple[int, int]],
    probabilities: Sequence,
    bins,
    true: Sequence[tuple[float, float]],
    titles: Sequence[str],
) -> None:
    """Photos with a place marked, and below each what is thought of it: bins as squares, as large as they are likely.

    pictures: uint8 (H, W, 3). places: (row, column). probabilities: (K,) each. true: (a, b), marked by a cross.
    """
    import matplotlib.pyplot as plt

    count = len(pictures)
    figure, axes = plt.subplots(2, count, figsize=(2.5 * count, 5), squeeze=False, layout="constrained")
    for i, (picture, (row, column)) in enumerate(zip(pictures, places, strict=True)):
        above, below = axes[:, i]
        above.imshow(picture)
        above.plot(column, row, "o", color="none", markeredgecolor="red", markersize=10, markeredgewidth=2)
        above.set(xticks=[], yticks=[])
        above.set_title(titles[i], fontsize=10)
        p = np.asarray(probabilities[i])
        _squares(below, bins, np.sqrt(p / p.max()), edgecolors="none")
        below.plot(*true[i], "x", color="black", markersize=9, markeredgewidth=2)
        below.set(ylabel="b" if i == 0 else "")
    plt.show()


def accuracy_curves(panels: Mapping[str, Mapping[str, Mapping]]) -> None:
    """The share of pixels by distance, side by side: {title: {painter: what `raw_accuracy` gave}}."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(panels), figsize=(9, 3), sharey=True, squeeze=False, layout="constrained")
    for axis, (title, found) in zip(axes[0], panels.items(), strict=True):
        axis.set_prop_cycle(color=SAFE)
        for name, marks in found.items():
            axis.plot(marks["thresholds"], marks["share"], label=f"{name}: {marks['auc']:.1%}")
        axis.set(xlabel="distance in ab, Lab units", xlim=(0, 100), ylim=(0, 1), title=title)
        axis.legend(frameon=False, fontsize=8, loc="lower right", title="AuC", title_fontsize=8)
    axes[0, 0].set_ylabel("share of pixels within it")
    plt.show()


# --------------------------------------------------------------------------- what an answer to an exercise draws


def bins_picture(bins_with_colors: Callable) -> np.ndarray:
    """The squares of 20 that `bins_with_colors` finds among colors of a screen, in their colors."""
    figure, axis = canvas(2.3, 2.2)
    centers = np.asarray(bins_with_colors(screen_colors(18), 20), dtype=float)
    _squares(axis, centers, np.full(len(centers), 1.9), edgecolors="white", linewidths=0.5)
    axis.set_title(f"{len(centers)} squares of 20", fontsize=9)
    return picture_of(figure)


def soft_picture(soft: Callable) -> np.ndarray:
    """A color (a cross) between bins, and how `soft` shares it: squares as large as the shares."""
    bins = torch.tensor([(a, b) for a in range(20, 61, STEP) for b in range(20, 61, STEP)]).float()
    color = torch.tensor([[43.0, 38.5]])
    shares = np.asarray(soft(color, bins, 5, 5.0), dtype=float).reshape(len(bins))
    figure, axis = canvas(2.3, 2.2)
    _squares(axis, bins, facecolors="none", edgecolors="0.8", linewidths=0.5)
    _squares(axis, bins, np.sqrt(shares), edgecolors="none")
    for (a, b), share in zip(bins.tolist(), shares, strict=True):
        if share > 0.005:
            axis.text(a, b - 4.8, f"{share:.0%}", ha="center", va="top", fontsize=7)
    axis.plot(*color[0].tolist(), "x", color="black", markersize=7)
    axis.set(xlim=(14, 66), ylim=(14, 66))
    return picture_of(figure)


def balance_numbers(balance: Callable) -> dict[str, float]:
    """What the rarest of four bins counts, as a multiple of the most common, for three shares of the uniform."""
    prior = torch.tensor([0.7, 0.2, 0.09, 0.01])
    weights = {mix: np.asarray(balance(prior, mix), dtype=float) for mix in (0.1, 0.5, 0.9)}
    return {f"mix {mix}:": float(w[3] / w[0]) for mix, w in weights.items()}


def annealed_picture(annealed: Callable) -> np.ndarray:
    """One color of two that are likely (70 % violet, 30 % yellow), from temperature 0.02 to 1, as a strip."""
    bins, temperatures = torch.tensor([[40.0, -50.0], [0.0, 70.0]]), np.linspace(0.02, 1, 40)
    logits = torch.tensor([0.7, 0.3]).log().view(1, 2, 1, 1)
    colors = [np.asarray(annealed(logits, bins, float(T)), dtype=float).reshape(2) for T in temperatures]
    figure, axis = canvas(3.2, 0.9)
    axis.imshow(shown(colors)[None], extent=(0, 1, 0, 1), aspect="auto")
    axis.set(yticks=[], xlabel="temperature")
    return picture_of(figure)
