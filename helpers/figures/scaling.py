"""The figures of chapter 11: where time goes, what each change brings, who sees which photo, and what sizes cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..backstage.canvas import canvas, picture_of
from .showing import SAFE

PHOTOS, BATCH, WORLD = 26, 8, 2  # of the picture of ranks: three batches an epoch, and two photos left over


def time_shares(rows: Mapping[str, Mapping[str, float]]) -> None:
    """A bar for each row, divided as its time is. rows: {name: {part: milliseconds a photo}}, the same parts in all."""
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(7.5, 0.7 + 0.45 * len(rows)), layout="constrained")
    left = np.zeros(len(rows))
    for color, part in zip(SAFE, next(iter(rows.values())), strict=False):
        width = np.array([row[part] for row in rows.values()])
        axis.barh(range(len(rows)), width, left=left, color=color, label=part)
        left += width
    axis.set(yticks=range(len(rows)), yticklabels=[*rows], xlabel="milliseconds a photo")
    axis.invert_yaxis()
    axis.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    plt.show()


def ladder_figure(rungs: Mapping[str, tuple[float, float, float | None]], memory: str = "memory of a step, MB") -> None:
    """What each change brought: photos a second with its gain on the bar, and memory beside it.

    rungs: {name: (photos a second, times as fast as what it is compared with, MB or None where it is unknown)}.
    memory: whose it is.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9.5, 0.8 + 0.36 * len(rungs)), sharey=True, layout="constrained")
    rows = np.arange(len(rungs))
    speeds, gains, megabytes = (list(column) for column in zip(*rungs.values(), strict=True))
    axes[0].barh(rows, speeds, color=SAFE[0])
    axes[1].barh(rows, [value or 0 for value in megabytes], color=SAFE[1])
    for row, (speed, gain, value) in enumerate(zip(speeds, gains, megabytes, strict=True)):
        words = "" if row == 0 else f", x {gain:.2f}"
        axes[0].text(speed, row, f" {speed:,.0f}{words}", va="center", fontsize=8)
        axes[1].text(value or 0, row, f" {value:,.0f}" if value else " not told", va="center", fontsize=8)
    axes[0].set(yticks=rows, yticklabels=[*rungs], xlabel="photos a second", xlim=(0, 1.3 * max(speeds)))
    axes[1].set(xlabel=memory, xlim=(0, 1.2 * max(value or 0 for value in megabytes)))
    axes[0].invert_yaxis()
    plt.show()


def ranks_picture(mine: Callable) -> np.ndarray:
    """Which photo two processes see in the batches of an epoch, by `mine`; uint8 (H, W, 3). Overlaps are seen at once.

    mine: count, batch, step, seed, rank, world -> positions.
    """
    figure, axis = canvas(3.4, 1.5)
    steps = PHOTOS // BATCH
    for step in range(steps):
        for rank in range(WORLD):
            for i, photo in enumerate([int(i) for i in mine(PHOTOS, BATCH, step, 0, rank, WORLD)]):
                x = rank * (BATCH // WORLD + 0.5) + i
                axis.add_patch(_cell(x, step, SAFE[rank]))
                ink = "white" if rank == 0 else "black"
                axis.text(x + 0.45, step + 0.45, f"{photo}", ha="center", va="center", fontsize=7, color=ink)
    axis.set(xlim=(-0.2, BATCH + 0.7), ylim=(steps, -0.1), xticks=[2, 6.5], yticks=np.arange(steps) + 0.45)
    axis.set_xticklabels(["process 0", "process 1"], fontsize=8)
    axis.set_yticklabels([f"step {step}" for step in range(steps)], fontsize=8)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    return picture_of(figure)


def _cell(x: float, y: float, color: str):
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), 0.9, 0.9, fc=color)


def costs_figure(sizes: Sequence[int], costs: Mapping[str, Sequence[float]], measured: Mapping[str, int]) -> None:
    """What a photo costs by its side in pixels, a panel for each cost, on scales where a power is a straight line.

    costs: {what and in which unit: a number for each size}. measured: {what: how many of them were}; the others, drawn
    hollow, were extrapolated.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(costs), figsize=(3.1 * len(costs), 2.9), squeeze=False, layout="constrained")
    for axis, (what, values) in zip(axes[0], costs.items(), strict=True):
        known = measured[what]
        axis.plot(sizes, values, "--", color=SAFE[0])
        axis.plot(sizes[:known], values[:known], "o", color=SAFE[0], label="measured")
        if known < len(sizes):
            axis.plot(sizes[known:], values[known:], "o", color=SAFE[0], fillstyle="none", label="extrapolated")
        axis.set(xscale="log", yscale="log", xlabel="side in pixels", title=what)
        axis.set_xticks(sizes, [f"{size}" for size in sizes])
        axis.minorticks_off()
        axis.legend(frameon=False, fontsize=8)
    plt.show()
