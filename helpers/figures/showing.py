"""Figures of any subject: curves on one axis, and maps on one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

# Curves that a color-blind reader tells apart too, the first four best (Okabe & Ito 2008, "Color Universal Design")
SAFE = ("#0072B2", "#E69F00", "#000000", "#56B4E9", "#D55E00", "#CC79A7", "#009E73")


def smoothed(values: Sequence[float], window: int) -> np.ndarray:
    """The mean over `window` values at each place where there are so many; over all, if there are fewer."""
    window = max(1, min(window, len(values)))
    return np.convolve(values, np.ones(window) / window, mode="valid")


def lines(
    curves: Mapping[str, Sequence],
    xlabel: str,
    ylabel: str,
    level: tuple[str, float] | None = None,
    smooth: bool = False,
    x: Sequence | None = None,
) -> None:
    """Curves on one axis. level: (its name, its height) of a dashed line to compare with.

    curves: {label: numbers}. smooth: draw the mean over a fifteenth of the curve at each place. x: shared places, or
    None for 0, 1, 2, …
    """
    import matplotlib.pyplot as plt

    plt.figure(figsize=(7, 3))
    plt.gca().set_prop_cycle(color=SAFE)
    for label, values in curves.items():
        drawn = smoothed(values, len(values) // 15 if smooth else 1)
        plt.plot(np.arange(len(drawn)) if x is None else x, drawn, "-" if x is None else "o-", label=label)
    if level:
        plt.axhline(level[1], color="gray", linestyle="--", label=level[0])
    plt.gca().set(xlabel=xlabel, ylabel=ylabel)
    if x is None:
        plt.ylim(0, None)
    plt.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    plt.show()


def maps_row(maps: Mapping[str, np.ndarray], low=-1.0, high=1.0, cmap="gray", label="") -> None:
    """Maps side by side, all on the scale from low to high, with its color bar.

    maps: {title: (H, W) or a tensor of that many numbers with more dimensions of 1}. label: what the numbers are.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(maps), figsize=(2.1 * len(maps) + 0.8, 2.4), squeeze=False, layout="constrained")
    for axis, (title, values) in zip(axes[0], maps.items(), strict=True):
        image = axis.imshow(np.squeeze(np.asarray(values)), cmap=cmap, vmin=low, vmax=high)
        axis.set(xticks=[], yticks=[])
        axis.set_title(title, fontsize=10)
    figure.colorbar(image, ax=axes[0], label=label, shrink=0.8)
    plt.show()
